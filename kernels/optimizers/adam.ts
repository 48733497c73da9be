/**
 * What AdamW and AdamP share: averages of the gradient g and of its square, and the step that they suggest. After t steps
 *
 *     m = beta1 m + (1 - beta1) g
 *     v = beta2 v + (1 - beta2) g^2
 *     u = m / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * and the weight changes by - r / (1 - beta1^t) u, r the learning rate. Both averages are 0 before the first step.
 *
 * (Kingma and Ba, "Adam", 2015, algorithm 1.)
 *
 * @module
 */

import type { Parameter } from "../engine/kernel.ts";

/** What does not change from step to step. */
export interface AdamOptions {
  /** beta1 and beta2, each in [0, 1). */
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** A tensor with its gradient and averages. */
export type AdamState = Readonly<Record<"parameter" | "gradient" | "firstMoment" | "secondMoment", ArrayLike<number>>>;

/** What a step makes of them. */
export interface AdamResult {
  readonly parameter: Float64Array;
  readonly firstMoment: Float64Array;
  readonly secondMoment: Float64Array;
}

/**
 * The averages after a step, on the CPU.
 *
 * @param state The averages before it, and the gradient.
 * @param options The rule.
 * @returns Both averages after the step.
 */
export function averageMoments(
  { gradient, firstMoment, secondMoment }: AdamState,
  { betas: [beta1, beta2] }: AdamOptions,
): Omit<AdamResult, "parameter"> {
  return {
    firstMoment: Float64Array.from(firstMoment, (value, i) => beta1 * value + (1 - beta1) * gradient[i]),
    secondMoment: Float64Array.from(secondMoment, (value, i) => beta2 * value + (1 - beta2) * gradient[i] ** 2),
  };
}

/**
 * The uniform block's members for {@linkcode moments}. The complements of the decay rates are rounded on their own: as a
 * difference in f32, 1 - 0.999 would be wrong by 2e-5.
 */
export function momentParameters({ betas: [beta1, beta2], epsilon }: AdamOptions): Parameter[] {
  return Object.entries({ beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, epsilon })
    .map(([name, value]) => ({ name, type: "f32", value }));
}

/**
 * WGSL of the averages after a step, as `first` and `second`; the control's content is `step`.
 *
 * @param at The element's number in the flat buffers.
 */
export function moments(at: string): string {
  return `let slope = gradient[${at}] * step.gradientFactor;
  let first = parameters.beta1 * firstMoment[${at}] + parameters.rest1 * slope;
  let second = parameters.beta2 * secondMoment[${at}] + parameters.rest2 * slope * slope;
  firstMoment[${at}] = first;
  secondMoment[${at}] = second;`;
}
