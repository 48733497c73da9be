/**
 * Adam with decoupled weight decay, as torch.optim.AdamW: with the step u of `adam.ts`, weight decay d and learning rate r,
 *
 *     w = w (1 - r d) - r / (1 - beta1^t) u
 *
 * (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.)
 *
 * @module
 */

import type { Kernel, Profile } from "../engine/kernel.ts";
import {
  type AdamOptions,
  type AdamResult,
  type AdamState,
  averageMoments,
  momentParameters,
  moments,
} from "./adam.ts";
import { flatUpdate } from "./flat_update.ts";

/** What does not change from step to step. */
export interface AdamW extends AdamOptions {
  readonly type: "adamw";
}

/**
 * One step of one tensor on the CPU.
 *
 * @param state The tensor, its gradient and averages, of one length.
 * @param optimizer The rule.
 * @param step Learning rate, the tensor's weight decay, and the steps done, this one included.
 * @returns The new parameter and averages.
 */
export function adamWReference(
  state: AdamState,
  optimizer: AdamW,
  { learningRate, weightDecay, step }: { learningRate: number; weightDecay: number; step: number },
): AdamResult {
  const { betas: [beta1, beta2], epsilon } = optimizer;
  const { firstMoment, secondMoment } = averageMoments(state, optimizer);
  const parameter = Float64Array.from(state.parameter, (value, index) => {
    const size = Math.sqrt(secondMoment[index] / (1 - beta2 ** step)) + epsilon;
    return value * (1 - learningRate * weightDecay) - learningRate / (1 - beta1 ** step) * firstMoment[index] / size;
  });
  return { parameter, firstMoment, secondMoment };
}

/**
 * One step of all tensors.
 *
 * @param options `length` of the flat buffers in floats; the rule.
 * @returns A kernel with the bindings `parameter`, `gradient`, `firstMoment`, `secondMoment` (f32, flat), `blocks`,
 * `segments`, `control`.
 */
export function adamWKernel(options: { length: number; optimizer: AdamW; profile: Profile }): Kernel {
  const { length, optimizer, profile } = options;
  return flatUpdate({
    name: "adamw",
    profile,
    flat: ["parameter", "gradient", "firstMoment", "secondMoment"],
    width: 4,
    parameters: momentParameters(optimizer),
    length,
    body: `    ${moments("at")}
    let size = sqrt(second / step.secondCorrection) + parameters.epsilon;
    let kept = 1.0 - learningRate * segment.weightDecay;
    parameter[at] = parameter[at] * kept - learningRate / step.firstCorrection * first / size;`,
  });
}
