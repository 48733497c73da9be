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

import type { Kernel, Profile } from "../kernel.ts";
import { itemKernel } from "../operations/tensor.ts";
import { CONTROL } from "./control.ts";
import { BLOCK_VECTORS, SEGMENT } from "./layout.ts";

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
  return itemKernel({
    name: optimizer.nesterov ? "sgd nesterov" : "sgd",
    profile,
    bindings: {
      parameter: "vec4<f32>",
      gradient: "vec4<f32>",
      momentum: "vec4<f32>",
      blocks: "u32",
      segments: "Segment",
      control: "Control",
    },
    parameters: [{ name: "momentum", type: "f32", value: optimizer.momentum }],
    items: length / 4,
    functions: `\n${SEGMENT}${CONTROL}`,
    body: `  if (control[0].skip != 0u) { return; }
  let weight = parameter[item];
  let decay = segments[blocks[item / ${BLOCK_VECTORS}u]].weightDecay;
  let slope = gradient[item] * control[0].gradientFactor + decay * weight;
  let average = parameters.momentum * momentum[item] + slope;
  momentum[item] = average;
  parameter[item] = weight - control[0].learningRate * ${
      optimizer.nesterov ? "(slope + parameters.momentum * average)" : "average"
    };`,
  });
}
