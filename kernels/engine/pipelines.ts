/**
 * Compiled kernels and their bind groups. Kernels of the same text share a pipeline, whichever plan of the device they
 * belong to.
 *
 * @module
 */

import type { BufferRange, Device } from "./device.ts";
import { type Binding, isWritten, type Kernel, type TextureBinding, WINDOW_BYTES } from "./kernel.ts";
import { usesSubgroups } from "./subgroups.ts";

/** A kernel with what it works on: what a dispatch is encoded from. */
export interface BoundKernel {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: Kernel["workgroups"];
}

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** The pipeline of a kernel's text, compiled when first asked for; the layout is made from its WGSL. */
function pipelineFor({ gpu, subgroupDirective }: Device, { name, code }: Kernel): GPUComputePipeline {
  const known = pipelines.get(gpu) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(gpu, known);
  const directive = usesSubgroups(code) ? subgroupDirective : "";
  const pipeline = known.get(code) ?? gpu.createComputePipeline({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code: directive + code, label: name }), entryPoint: "main" },
    label: name,
  });
  known.set(code, pipeline);
  return pipeline;
}

/** Lets kernels be compiled anew when they are next asked for: what an adapter refused may be no pipeline. */
export function forgetPipelines({ gpu }: Device, kernels: readonly Kernel[]): void {
  for (const { code } of kernels) pipelines.get(gpu)?.delete(code);
}

/**
 * Binds a kernel, compiled when its text is first met.
 *
 * @param device The device to run on.
 * @param kernel The kernel.
 * @param resources `range`: all of what a binding of a buffer is bound to; `view`: the texture that a tensor is read
 * through; `parameters`: the uniform block, where the kernel has one.
 * @returns What {@linkcode encodeDispatch} takes.
 * @throws {TypeError} If what is only read lies in a buffer that the kernel writes to.
 */
export function bindKernel(
  device: Device,
  kernel: Kernel,
  resources: {
    range: (binding: Exclude<Binding, TextureBinding>) => BufferRange;
    view?: (binding: TextureBinding) => GPUTextureView;
    parameters?: GPUBufferBinding;
  },
): BoundKernel {
  const { name, workgroups } = kernel;
  const written = new Map<GPUBuffer, Binding>();
  const read: [BufferRange, Binding][] = [];
  const entries = kernel.bindings.map((binding): GPUBindingResource => {
    if (binding.kind === "texture") return resources.view!(binding);
    const range = resources.range(binding);
    if (isWritten(binding)) written.set(range.buffer, binding);
    else read.push([range, binding]);
    return rangeOf(binding, range);
  });
  for (const [{ buffer }, binding] of read) {
    const other = written.get(buffer);
    if (!other) continue;
    throw new TypeError(
      `Cannot bind kernel "${name}": "${binding.name}", which it only reads, lies in one buffer with "${other.name}", which it writes`,
    );
  }
  if (kernel.parameters.length > 0) entries.push(resources.parameters!);
  const pipeline = pipelineFor(device, kernel);
  const group = device.gpu.createBindGroup({
    label: name,
    layout: pipeline.getBindGroupLayout(0),
    entries: entries.map((resource, binding) => ({ binding, resource })),
  });
  return { name, pipeline, group, workgroups };
}

function rangeOf(binding: Exclude<Binding, TextureBinding>, { buffer, offset, size }: BufferRange): BufferRange {
  const skipped = binding.kind === "scratch" ? 0 : binding.offset;
  return { buffer, offset: offset + skipped, size: binding.kind === "window" ? WINDOW_BYTES : size - skipped };
}

/** Encodes the dispatch of a bound kernel. */
export function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, group, workgroups }: BoundKernel): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
}
