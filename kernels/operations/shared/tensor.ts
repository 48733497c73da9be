/**
 * What the operations share: the layout of a tensor, and the WGSL around a kernel's own arithmetic.
 *
 * A tensor is `[N, H, W, C]`, C padded with zeros to a multiple of 4, and bound as an array of 4-vectors: element
 * `((n * H + y) * W + x) * ceil(C / 4) + c / 4` holds channels c to c + 3 of one position. The padding lanes of every
 * tensor are zero, so that sums over channels need no bound; a kernel whose function does not map zero to zero masks its
 * store with {@linkcode realLanes}.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  type Profile,
  spreadWorkgroups,
  type StatedBindings,
  type Storage,
} from "../../engine/kernel.ts";
import type { SubgroupLanes } from "../../engine/subgroups.ts";

/** `[N, H, W, C]`, C as it is without padding. */
export type Shape = readonly [batch: number, height: number, width: number, channels: number];

/** What a kernel is made for, beside its shapes. */
export interface Target {
  readonly profile: Profile;
  /** How activations are stored; sums are f32. */
  readonly storage: Storage;
  /** Invocations of a subgroup, where kernels of the software profile may use them; see `engine/subgroups.ts`. */
  readonly subgroupLanes?: SubgroupLanes;
}

/** 4-vectors that hold the channels of one position. */
export function channelVectors(channels: number): number {
  return Math.ceil(channels / 4);
}

/** 4-vectors in a tensor. */
export function tensorVectors([batch, height, width, channels]: Shape): number {
  return batch * height * width * channelVectors(channels);
}

/** Bytes of a tensor in storage. */
export function tensorBytes(shape: Shape, storage: Storage): number {
  return tensorVectors(shape) * (storage === "f16" ? 8 : 16);
}

/** The WGSL type of a tensor's element. */
export function vectorType(storage: Storage): string {
  return `vec4<${storage}>`;
}

/** The built-in values a `main` takes: `workgroup`, `workgroups` and the linear `local` index. */
export const BUILTINS =
  "@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>, " +
  "@builtin(local_invocation_index) local: u32";

/**
 * A kernel with one invocation for each item of a linear index, the same text for both profiles.
 *
 * @param options `bindings`; `parameters`, which are `u32` unless they say otherwise; `items` how many, `workgroup` how many
 * of them a workgroup has, {@linkcode itemWorkgroup} unless given; `body` WGSL statements that find the item's number in
 * `item`, `functions` WGSL at module scope before them; `joinable`, whether it may be one dispatch with others of its text on
 * a GPU: its `functions` then read neither bindings nor parameters.
 * @returns The kernel.
 */
export function itemKernel(options: {
  name: string;
  profile: Profile;
  bindings: StatedBindings;
  parameters: readonly (Omit<Parameter, "type"> & Partial<Parameter>)[];
  items: number;
  workgroup?: number;
  body: string;
  functions?: string;
  joinable?: boolean;
}): Kernel {
  const { name, profile, bindings, items, body, functions = "", joinable = false } = options;
  const parameters = unsigned([...options.parameters, { name: "items", value: items }]);
  const size = options.workgroup ?? itemWorkgroup(profile);
  return {
    name: `${name} ${profile}`,
    code: `${declarations(bindings, parameters)}${functions}
@compute @workgroup_size(${size})
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
  if (item >= parameters.items) { return; }
${body}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(Math.ceil(items / size)),
    ...(joinable && profile === "gpu" ? { joinable: { bindings, body, functions } } : {}),
  };
}

/**
 * A kernel of the software profile with a subgroup for each item: its lanes all reach every shuffle, since none returns by
 * itself.
 *
 * @param options As of {@linkcode itemKernel}, and the `lanes` of a subgroup. `body` finds the item's number in `item` and
 * the lane's in `local`.
 * @returns The kernel.
 */
export function subgroupKernel(options: {
  name: string;
  bindings: StatedBindings;
  parameters: readonly (Omit<Parameter, "type"> & Partial<Parameter>)[];
  lanes: SubgroupLanes;
  items: number;
  body: string;
  functions?: string;
}): Kernel {
  const { name, bindings, lanes, items, body, functions = "" } = options;
  const parameters = unsigned([...options.parameters, { name: "items", value: items }]);
  return {
    name: `${name} by ${lanes} lanes`,
    code: `${declarations(bindings, parameters)}${functions}
@compute @workgroup_size(${lanes})
fn main(${BUILTINS}) {
  let item = workgroup.y * workgroups.x + workgroup.x;
  if (item >= parameters.items) { return; }
${body}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(items),
  };
}

/** Invocations of a workgroup that shares nothing. */
export function itemWorkgroup(profile: Profile): number {
  return profile === "gpu" ? 256 : 64;
}

/** Marks parameters as `u32` unless they say otherwise. */
export function unsigned(parameters: readonly (Omit<Parameter, "type"> & Partial<Parameter>)[]): Parameter[] {
  return parameters.map(({ name, type = "u32", value }) => ({ name, type, value }));
}

/**
 * Which lanes of a vector hold channels, as a WGSL `vec4<bool>`.
 *
 * @param vector WGSL of the vector's number within its position, a `u32`.
 * @param channels WGSL of the number of channels, a `u32`.
 * @returns A WGSL expression.
 */
export function realLanes(vector: string, channels: string): string {
  return `(vec4<u32>(4u * (${vector})) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(${channels}))`;
}
