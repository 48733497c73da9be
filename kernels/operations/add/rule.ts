/**
 * The residual sum of a network; in training with drop path.
 *
 * @module
 */

import { dropKernel, SEEDS } from "../drop/kernels.ts";
import { addStep, addTensor, type Builder } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import {
  addKernel,
  addReference,
  addResidualGradientKernel,
  addResidualGradientReference,
  addShape,
} from "./kernels.ts";

/** The residual sum. `residual` may have fewer channels than `input`; the missing ones count as zero (ReXNet). */
export interface Add extends AnyOperation {
  readonly type: "add";
  readonly residual: string;
  /** The share of the drop path rate with which training drops `input`, above 0 and up to 1; none if left out. */
  readonly dropPath?: number;
}

/** Drops the branch of some images: the same ones in both directions. */
function dropBranch(builder: Builder, { input, dropPath = 0 }: Add, layer: number, from: string, to: string): string {
  const rate = (builder.dropPath ?? 0) * dropPath;
  if (rate === 0) return from;
  const shape = builder.shapeOf(input);
  const dropped = addTensor(builder, to, shape);
  addStep(builder, dropKernel({ shape, rate, layer, by: "image", ...builder.target }), {
    input: from,
    seeds: SEEDS,
    output: dropped,
  });
  return dropped;
}

/** Shapes of the two sides. */
function sides({ input, residual }: Add, shapeOf: Builder["shapeOf"]) {
  return { input: shapeOf(input), residual: shapeOf(residual) };
}

/** The residual sum; training keeps nothing for its gradient. */
export const add: Rule<Add> = {
  type: "add",
  inputs: ({ input, residual }) => [input, residual],
  outputShape: ({ input, residual }, shapeOf) => addShape(shapeOf(input), shapeOf(residual)),
  forward(builder, operation, layer) {
    const { input, residual, output } = operation;
    addTensor(builder, output, builder.shapeOf(output));
    addStep(builder, addKernel({ ...sides(operation, builder.shapeOf), ...builder.target }), {
      input: dropBranch(builder, operation, layer, input, `${output} branch`),
      residual,
      output,
    });
  },
  backward(builder, operation, outputGradient, { layer }) {
    const { input, residual, output } = operation;
    const shapes = sides(operation, builder.shapeOf);
    const gradient = dropBranch(builder, operation, layer, outputGradient, contributionName(operation));
    const contributions = [{ tensor: input, gradient }];
    if (shapes.residual[3] === shapes.input[3]) {
      return [...contributions, { tensor: residual, gradient: outputGradient }];
    }
    const residualGradient = addTensor(builder, `${output} residual gradient`, shapes.residual);
    addStep(builder, addResidualGradientKernel({ ...shapes, ...builder.target }), { outputGradient, residualGradient });
    return [...contributions, { tensor: residual, gradient: residualGradient }];
  },
  reference: (operation, { tensor, shapeOf }) =>
    addReference(tensor(operation.input), tensor(operation.residual), sides(operation, shapeOf)),
  referenceGradient: (operation, { shapeOf }, outputGradient) =>
    new Map([
      [operation.input, Float64Array.from(outputGradient)],
      [operation.residual, addResidualGradientReference(outputGradient, sides(operation, shapeOf))],
    ]),
};
