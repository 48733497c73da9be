/**
 * What an operation hands to the plan: WGSL, the buffers it wants, the numbers it reads, and how many workgroups.
 *
 * An operation's kernel function is a plain function of plain numbers (shapes, profile, storage type) and returns a
 * {@linkcode Kernel}. It touches no device, so every variant can be listed, compiled elsewhere, and tested.
 *
 * @module
 */

/** How the adapter wants its kernels: register tiles (a CPU behind Vulkan) or shared-memory tiles (a GPU). */
export type Profile = "software" | "gpu";

/** How activations and weights are stored; sums are always f32. `f16` needs the feature `shader-f16`. */
export type Storage = "f32" | "f16";

/** A compute kernel before it meets a device. */
export interface Kernel {
  /** For error messages, timings and the cache of pipelines: `convolution 3x3/2 software`. */
  readonly name: string;
  /**
   * WGSL with the entry point `main`. Storage bindings are `@group(0) @binding(0...)` in the order of `bindings`, all
   * declared `var<storage, read_write>`: tensors of a plan share one arena buffer, and WebGPU lets a dispatch use a
   * buffer twice only if both uses are writable. The uniform block, if there is one, is the last binding.
   */
  readonly code: string;
  /** Storage bindings in order, for messages: `["input", "weight", "bias", "output"]`. */
  readonly bindings: readonly string[];
  /** Tensors read through a texture, bound after the storage bindings; see `operations/shared/tensor_reads.ts`. */
  readonly textures?: readonly TextureBinding[];
  /** Uniform windows of {@linkcode WINDOW_BYTES} each, bound after the textures: weights in the software profile. */
  readonly windows?: readonly string[];
  /**
   * The uniform block as 32-bit words (`u32`, `i32` and `f32` members only, no vectors), or empty. Shapes go here rather
   * than into the text, so that layers which differ only in shape share one compiled pipeline.
   */
  readonly parameters: readonly Parameter[];
  /** Number of workgroups in x, y, z; each at most 65,535. */
  readonly workgroups: readonly [number, number, number];
}

/** Bytes of a uniform window: WebGPU's default limit of a uniform binding. */
export const WINDOW_BYTES = 65536;

/** A tensor that a kernel reads through a texture. */
export interface TextureBinding {
  readonly name: string;
  readonly format: "rgba32float" | "rgba16float";
}

/** One member of the uniform block; a WGSL declaration is made of it by {@linkcode parameterBlock}. */
export interface Parameter {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
  readonly value: number;
}

/**
 * The WGSL declaration of the uniform block: `struct Parameters {...}` bound as `parameters` at `binding`.
 *
 * @param parameters The members, in order.
 * @param binding The binding number, one past the storage bindings.
 * @returns WGSL, empty if there are no parameters.
 */
export function parameterBlock(parameters: readonly Parameter[], binding: number): string {
  if (parameters.length === 0) return "";
  const members = parameters.map(({ name, type }) => `  ${name}: ${type},`).join("\n");
  return `struct Parameters {\n${members}\n}\n@group(0) @binding(${binding}) var<uniform> parameters: Parameters;\n`;
}

/**
 * The bytes of the uniform block, padded to a multiple of 16.
 *
 * @param parameters The members, in order.
 * @returns The block's content, little-endian.
 */
export function parameterBytes(parameters: readonly Parameter[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(parameters.length / 4) * 16);
  const view = new DataView(bytes.buffer);
  parameters.forEach(({ name, type, value }, index) => {
    if (type === "f32") view.setFloat32(index * 4, value, true);
    else if (!Number.isInteger(value)) {
      throw new TypeError(`Cannot set parameter "${name}" to ${value}: not an integer`);
    } else if (type === "i32") view.setInt32(index * 4, value, true);
    else if (value < 0 || value > 0xffffffff) {
      throw new RangeError(`Cannot set parameter "${name}" to ${value}: not a u32`);
    } else view.setUint32(index * 4, value, true);
  });
  return bytes;
}

/**
 * Spreads a linear count of workgroups over x and y, since each dimension ends at 65,535. The kernel recovers the linear
 * index as `workgroup_id.y * num_workgroups.x + workgroup_id.x` and must ignore indices at or past `count`.
 *
 * @param count Workgroups wanted.
 * @returns Workgroups in x, y, z.
 */
export function spreadWorkgroups(count: number): [number, number, number] {
  const limit = 65535;
  if (count <= limit) return [Math.max(count, 1), 1, 1];
  const rows = Math.ceil(count / limit);
  if (rows > limit) throw new RangeError(`Cannot dispatch ${count} workgroups: more than ${limit} x ${limit}`);
  return [Math.ceil(count / rows), rows, 1];
}
