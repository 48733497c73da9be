/**
 * A network and its gradient as steps of a program: the operations in order, and their gradients in the opposite order
 * (reverse-mode differentiation). Where several operations read a tensor, its gradient is the sum of what they give, added
 * in the order in which they are met.
 *
 * @module
 */

import { inputsOf } from "./fuse.ts";
import type { Activation, Operation } from "../operations/network.ts";
import { addKernel } from "../operations/add/kernels.ts";
import { addStep, addTensor, type Builder } from "./builder.ts";
import { gradientName } from "./parameters.ts";
import { fusedActivation, type Rule, ruleOf } from "./rules.ts";

/** A network whose forward steps are in the program. */
export interface Forward {
  /**
   * Adds the steps of the gradients.
   *
   * @param output The tensor that a loss was made of.
   * @param outputGradient Name of its gradient.
   * @returns Names of the gradients by tensor: of those that `wanted` asked for and the output depends on.
   */
  backward(output: string, outputGradient: string): ReadonlyMap<string, string>;
}

/**
 * Adds a network's forward steps to a program.
 *
 * @param builder What is added to.
 * @param operations In order of computation.
 * @param options `wanted`: whether a tensor's gradient is of use; of the image it is not in training. `dropPath` rate.
 * @returns What adds the backward steps.
 */
export function addForward(
  builder: Builder,
  operations: readonly Operation[],
  options: { wanted: (tensor: string) => boolean; dropPath: number },
): Forward {
  const { wanted, dropPath } = options;
  const followers = fusedActivations(builder, operations);
  const gone = new Set(followers.values());
  const rules = operations.flatMap((operation, layer) => {
    if (operation.type === "activation" && gone.has(operation)) return [];
    const activation = followers.get(operation);
    const rule = ruleOf(builder, operation, { dropPath, layer, activation });
    rule.forward();
    return [[(activation ?? operation).output, rule] as const];
  });
  return { backward: (output, outputGradient) => addBackward(builder, rules, wanted, [output, outputGradient]) };
}

/** The activations that are computed with the batch norm before them: what that gives must have no other reader. */
function fusedActivations({ frozen }: Builder, operations: readonly Operation[]): Map<Operation, Activation> {
  const fused = new Map<Operation, Activation>();
  if (frozen) return fused;
  for (const operation of operations) {
    if (operation.type !== "batchNorm") continue;
    const [reader, ...others] = operations.filter((other) => inputsOf(other).includes(operation.output));
    if (others.length > 0 || reader?.type !== "activation" || !fusedActivation(reader)) continue;
    fused.set(operation, reader);
  }
  return fused;
}

function addBackward(
  builder: Builder,
  rules: readonly (readonly [output: string, rule: Rule])[],
  wanted: (tensor: string) => boolean,
  seed: readonly [tensor: string, gradient: string],
): ReadonlyMap<string, string> {
  const gradients = new Map([seed]);
  let sums = 0;
  for (const [output, rule] of rules.toReversed()) {
    const outputGradient = gradients.get(output);
    if (outputGradient === undefined) continue;
    for (const { tensor, gradient } of rule.backward(outputGradient, wanted)) {
      const known = gradients.get(tensor);
      if (known === undefined) {
        gradients.set(tensor, gradient);
        continue;
      }
      const shape = builder.shapeOf(tensor);
      const sum = addTensor(builder, `${gradientName(tensor)} ${sums++}`, shape);
      const kernel = addKernel({ input: shape, residual: shape, ...builder.target });
      addStep(builder, kernel, { input: known, residual: gradient, output: sum });
      gradients.set(tensor, sum);
    }
  }
  return gradients;
}
