/**
 * Stochastic gradient descent with momentum, as torch.optim.SGD with dampening 0. With the gradient g, weight decay d,
 * momentum mu and learning rate r:
 *
 *     g' = g + d w
 *     m  = mu m + g'
 *     w  = w - r m, or w - r (g' + mu m) with Nesterov's rule
 *
 * m is 0 before the first step.
 *
 * @module
 */

import type { Kernel, Profile } from "../engine/kernel.ts";
import { flatUpdate } from "./flat_update.ts";

/** What does not change from step to step. */
export interface Sgd {
  readonly type: "sgd";
  /** mu, in [0, 1). */
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * One step of one tensor on the CPU.
 *
 * @param state `parameter`, `gradient` and `momentum`, of one length.
 * @param optimizer The rule.
 * @param step Learning rate and the tensor's weight decay.
 * @returns The new parameter and momentum.
 */
export function sgdReference(
  state: Readonly<Record<"parameter" | "gradient" | "momentum", ArrayLike<number>>>,
  optimizer: Sgd,
  step: { learningRate: number; weightDecay: number },
): { parameter: Float64Array; momentum: Float64Array } {
  const parameter = Float64Array.from(state.parameter);
  const momentum = Float64Array.from(state.momentum);
  for (let index = 0; index < parameter.length; index++) {
    const gradient = state.gradient[index] + step.weightDecay * parameter[index];
    momentum[index] = optimizer.momentum * momentum[index] + gradient;
    const change = optimizer.nesterov ? gradient + optimizer.momentum * momentum[index] : momentum[index];
    parameter[index] -= step.learningRate * change;
  }
  return { parameter, momentum };
}

/**
 * One step of all tensors.
 *
 * @param options `length` of the flat buffers in floats; the rule.
 * @returns A kernel with the bindings `parameter`, `gradient`, `momentum` (f32, flat), `blocks`, `segments`, `control`.
 */
export function sgdKernel(options: { length: number; optimizer: Sgd; profile: Profile }): Kernel {
  const { length, optimizer, profile } = options;
  return flatUpdate({
    name: optimizer.nesterov ? "sgd nesterov" : "sgd",
    profile,
    flat: ["parameter", "gradient", "momentum"],
    width: 4,
    parameters: [{ name: "momentum", type: "f32", value: optimizer.momentum }],
    length,
    body: `    let weight = parameter[at];
    let slope = gradient[at] * step.gradientFactor + segment.weightDecay * weight;
    let average = parameters.momentum * momentum[at] + slope;
    momentum[at] = average;
    parameter[at] = weight - learningRate * ${
      optimizer.nesterov ? "(slope + parameters.momentum * average)" : "average"
    };`,
  });
}
