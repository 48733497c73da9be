/**
 * Gradient accumulation: a step of several batches adds their gradients up before the update. The sum is cleared before
 * the first of them; that each batch's loss is divided by their number is the loss's affair.
 *
 * @module
 */

import type { Kernel, Profile } from "../engine/kernel.ts";
import { itemKernel } from "../operations/shared/tensor.ts";

/** Adds a batch's gradients to the sum, on the CPU. */
export function accumulateReference(sum: ArrayLike<number>, gradient: ArrayLike<number>): Float64Array {
  return Float64Array.from(sum, (value, index) => value + gradient[index]);
}

/**
 * Adds a batch's gradients to the sum.
 *
 * @param options `length` of the flat buffers in floats, a multiple of 4.
 * @returns A kernel with the bindings `gradient` and `sum` (f32).
 */
export function accumulateKernel({ length, profile }: { length: number; profile: Profile }): Kernel {
  return itemKernel({
    name: "accumulate",
    profile,
    bindings: { gradient: "vec4<f32>", sum: "vec4<f32>" },
    parameters: [],
    items: length / 4,
    body: "  sum[item] += gradient[item];",
  });
}
