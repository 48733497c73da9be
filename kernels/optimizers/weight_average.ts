/**
 * The exponential moving average of the weights, which is evaluated in their place: a = decay a + (1 - decay) w after each
 * update, written as a + (1 - decay) (w - a), so that the small factor is rounded alone. It starts from the weights. The
 * running statistics of batch norms are averaged too, as another flat buffer.
 *
 * (timm, `utils/model_ema.py`, `ModelEmaV2`.)
 *
 * @module
 */

import type { Kernel, Profile } from "../engine/kernel.ts";
import { itemKernel } from "../operations/shared/tensor.ts";

/** The new average on the CPU. */
export function weightAverageReference(
  average: ArrayLike<number>,
  parameter: ArrayLike<number>,
  decay: number,
): Float64Array {
  return Float64Array.from(average, (value, index) => decay * value + (1 - decay) * parameter[index]);
}

/**
 * The new average.
 *
 * @param options `length` of the flat buffers in floats, a multiple of 4; `decay` in [0, 1), such as 0.9999.
 * @returns A kernel with the bindings `parameter` and `average` (f32).
 * @throws {RangeError} If the decay is not in [0, 1).
 */
export function weightAverageKernel(options: { length: number; decay: number; profile: Profile }): Kernel {
  const { length, decay, profile } = options;
  if (!(decay >= 0 && decay < 1)) throw new RangeError(`Cannot average weights with decay ${decay}: must be in [0, 1)`);
  return itemKernel({
    name: "weight average",
    profile,
    bindings: { parameter: "vec4<f32>", average: "vec4<f32>" },
    parameters: [{ name: "rest", type: "f32", value: 1 - decay }],
    items: length / 4,
    body: "  average[item] += parameters.rest * (parameter[item] - average[item]);",
  });
}
