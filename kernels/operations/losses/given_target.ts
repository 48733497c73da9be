/**
 * Targets that are a mean of given ones, such as several classes per image, and of targets that are there already, such as
 * those pooled from the images' label maps:
 *
 *     t[n, c] = share given[n, c] + (1 - share) pooled[n, c].
 *
 * @module
 */

import type { Kernel, Profile } from "../../engine/kernel.ts";
import { channelVectors, itemKernel } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * Means of targets on the CPU.
 *
 * @param given `[rows, C]`.
 * @param pooled `[rows, C]`.
 * @param share The share of the given ones, 0 to 1.
 * @returns `[rows, C]`.
 */
export function givenTargetReference(
  given: ArrayLike<number>,
  pooled: ArrayLike<number>,
  share: number,
): Float64Array {
  return Float64Array.from(given, (value, index) => share * value + (1 - share) * pooled[index]);
}

/**
 * Means of targets.
 *
 * @param options `rows` of `classes` each, and the `share` of the given ones.
 * @returns A kernel with the bindings `given`, `pooled` (f32, `[rows, C]`; textures in the software profile) and `targets`
 * (f32, `[rows, C]`).
 */
export function givenTargetKernel(
  options: { rows: number; classes: number; share: number; profile: Profile },
): Kernel {
  const { rows, classes, share, profile } = options;
  const reads = readTensors({ given: "f32", pooled: "f32" }, profile);
  return itemKernel({
    name: "given target",
    profile,
    bindings: { ...reads.bindings, targets: "vec4<f32>" },
    parameters: [{ name: "share", type: "f32", value: share }],
    items: rows * channelVectors(classes),
    body: `  let given = ${reads.load("given", "item")};
  let pooled = ${reads.load("pooled", "item")};
  targets[item] = parameters.share * given + (1.0 - parameters.share) * pooled;`,
  });
}
