/**
 * Subgroups of software adapters: the invocations that are the lanes of one SIMD vector. What each of them holds a part of
 * reaches all of them in registers, by `subgroupShuffle(value, lane)` with a constant lane. On Mesa's llvmpipe (AVX2) that
 * costs 0.1 to 0.3 ns a number, and reading a 4-vector from a texture 9, from a uniform buffer 20.
 *
 * A kernel that uses them has a text for each number of lanes, `Target.subgroupLanes`. A workgroup is one subgroup, so that
 * `local_invocation_index` is the lane; all of its invocations reach each shuffle, and none returns before the last. Where
 * the target has no lanes, the operation has another text without subgroups, whose sums have the same order wherever that
 * costs nothing.
 *
 * @module
 */

/** Invocations of a subgroup that kernels have texts for. */
export type SubgroupLanes = 4 | 8 | 16;

const LANES: readonly SubgroupLanes[] = [4, 8, 16];

/** What a device's kernels need to know to use subgroups. */
export interface Subgroups {
  readonly lanes: SubgroupLanes;
  /** What its compiler wants before a text that uses them: nothing in Deno, elsewhere `enable subgroups;`. */
  readonly directive: string;
}

/** WGSL's directive, which the specification wants and Deno's compiler refuses. */
export const ENABLE_SUBGROUPS = "enable subgroups;\n";

/** Whether a text uses subgroups. */
export function usesSubgroups(code: string): boolean {
  return /\bsubgroup[A-Z]/.test(code);
}

/**
 * Asks an adapter for a device with subgroups. Deno grants them on Vulkan, though its adapters do not list them.
 *
 * @param adapter The adapter.
 * @param descriptor What else the device has.
 * @returns The device, without subgroups where they are refused.
 */
export async function requestSubgroups(adapter: GPUAdapter, descriptor: GPUDeviceDescriptor): Promise<GPUDevice> {
  const requiredFeatures = [...descriptor.requiredFeatures ?? [], "subgroups" as const];
  try {
    return await adapter.requestDevice({ ...descriptor, requiredFeatures });
  } catch {
    return await adapter.requestDevice(descriptor);
  }
}

/**
 * Finds out how kernels may use subgroups, by a trial kernel whose numbers must be right.
 *
 * @param gpu The device.
 * @param info The smallest and largest subgroup of its adapter.
 * @returns What kernels need to know; undefined where the device has no subgroups, their size varies or is none of 4, 8 and
 * 16, or the trial fails.
 */
export async function findSubgroups(
  gpu: GPUDevice,
  { subgroupMinSize, subgroupMaxSize }: { readonly subgroupMinSize?: number; readonly subgroupMaxSize?: number },
): Promise<Subgroups | undefined> {
  const lanes = LANES.find((lanes) => lanes === subgroupMinSize && lanes === subgroupMaxSize);
  if (lanes === undefined || !gpu.features.has("subgroups")) return undefined;
  for (const directive of ["", ENABLE_SUBGROUPS]) {
    if (await givesRightNumbers(gpu, lanes, directive)) return { lanes, directive };
  }
  return undefined;
}

/** Workgroups of the trial. */
const TRIAL_GROUPS = 3;

/** What an invocation of the trial holds. */
function trialValue(group: number, lane: number): number {
  return group * 16 + lane + 1;
}

/** The text of the trial: each invocation adds up, with different factors, what the lanes of its subgroup hold. */
function trialText(lanes: SubgroupLanes): string {
  const sums = Array.from({ length: lanes }, (_, lane) => `  sum = 2.0 * sum + subgroupShuffle(own, ${lane}u);`);
  return `@group(0) @binding(0) var<storage, read_write> output: array<vec4<f32>>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let own = vec4<f32>(f32(workgroup.x * 16u + local + 1u)) * vec4<f32>(1.0, 2.0, 3.0, 4.0);
  var sum = vec4<f32>();
${sums.join("\n")}
  output[workgroup.x * ${lanes}u + local] = sum;
}
`;
}

async function givesRightNumbers(gpu: GPUDevice, lanes: SubgroupLanes, directive: string): Promise<boolean> {
  const size = TRIAL_GROUPS * lanes * 16;
  using made = new DisposableStack();
  const buffer = (usage: number) => made.adopt(gpu.createBuffer({ size, usage }), (buffer) => buffer.destroy());
  gpu.pushErrorScope("validation");
  let staging: GPUBuffer | undefined;
  try {
    const module = gpu.createShaderModule({ code: directive + trialText(lanes) });
    const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const output = buffer(GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
    staging = buffer(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [{ binding: 0, resource: { buffer: output } }];
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(TRIAL_GROUPS);
    pass.end();
    encoder.copyBufferToBuffer(output, 0, staging, 0, size);
    gpu.queue.submit([encoder.finish()]);
  } finally {
    if (await gpu.popErrorScope()) staging = undefined;
  }
  if (!staging) return false;
  await staging.mapAsync(GPUMapMode.READ);
  const given = new Float32Array(staging.getMappedRange());
  return given.every((value, index) => {
    const group = Math.floor(index / 4 / lanes);
    const sum = Array.from({ length: lanes }, (_, lane) => trialValue(group, lane))
      .reduce((sum, value) => 2 * sum + value, 0);
    return value === sum * (index % 4 + 1);
  });
}
