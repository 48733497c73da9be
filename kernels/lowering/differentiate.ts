/**
 * A network and its gradient as steps of a program: the operations in order, and their gradients in the opposite order
 * (reverse-mode differentiation). Where several operations read a tensor, its gradient is the sum of what they give, added
 * in the order in which they are met, by the later ones themselves or in a pass of its own.
 *
 * @module
 */

import { addKernel } from "../operations/add/kernels.ts";
import { type Operation, ruleOf } from "../operations/mod.ts";
import { addStep, addTensor, type Builder, gradientName } from "../operations/shared/builder.ts";
import { addWork, gradientPasses } from "./add_work.ts";
import { fuse, type FusedOperation } from "./fuse.ts";

/** A network whose forward steps are in the program. */
export interface Forward {
  /**
   * Adds the steps of the gradients.
   *
   * @param outputGradients The tensors that a loss depends on, each with the name of its gradient.
   * @returns Names of the gradients by tensor: of those that `wanted` asked for and an output depends on.
   */
  backward(outputGradients: readonly (readonly [output: string, gradient: string])[]): ReadonlyMap<string, string>;
}

/**
 * Adds a network's forward steps to a program.
 *
 * @param builder What is added to.
 * @param operations In order of computation.
 * @param options `outputs`, which a loss depends on; `wanted`: whether a tensor's gradient is of use; of the image it is not
 * in training.
 * @returns What adds the backward steps.
 */
export function addForward(
  builder: Builder,
  operations: readonly Operation[],
  options: { outputs: readonly string[]; wanted: (tensor: string) => boolean },
): Forward {
  const { target, shapeOf, dropPath, parameters: { trained } } = builder;
  const fused = trained
    ? fuse(operations, options.outputs, { trained, target, dropPath, shapeOf })
    : operations.map((operation, layer) => ({ operation, layer }));
  for (const { operation, layer } of fused) {
    addWork(builder, operation, () => ruleOf(operation).forward(builder, operation, layer));
  }
  return { backward: (outputGradients) => addBackward(builder, fused, options.wanted, outputGradients) };
}

function addBackward(
  builder: Builder,
  fused: readonly FusedOperation[],
  wanted: (tensor: string) => boolean,
  outputGradients: readonly (readonly [tensor: string, gradient: string])[],
): ReadonlyMap<string, string> {
  const gradients = new Map(outputGradients);
  let sums = 0;
  for (const { operation, layer } of fused.toReversed()) {
    const outputGradient = gradients.get(operation.output);
    if (outputGradient === undefined) continue;
    const options = { wanted, known: (tensor: string) => gradients.get(tensor), layer };
    const contributions = addWork(
      builder,
      operation,
      () => ruleOf(operation).backward(builder, operation, outputGradient, options),
      (added) => gradientPasses(operation, added),
    );
    for (const { tensor, gradient, isSum } of contributions) {
      const known = gradients.get(tensor);
      if (known === undefined || isSum) {
        gradients.set(tensor, gradient);
        continue;
      }
      const shape = builder.shapeOf(tensor);
      const sum = addTensor(builder, `${gradientName(tensor)} with ${operation.output} ${sums++}`, shape);
      const kernel = addKernel({ input: shape, residual: shape, ...builder.target });
      addStep(builder, kernel, { input: known, residual: gradient, output: sum });
      gradients.set(tensor, sum);
    }
  }
  return gradients;
}
