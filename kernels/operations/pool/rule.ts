/**
 * Pooling over windows in a network.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import { poolGradientKernel, poolGradientReference } from "./gradient.ts";
import { poolKernel, type PoolOptions, poolReference, poolShape } from "./kernels.ts";

/** Pooling over windows. */
export interface Pool extends AnyOperation, PoolOptions {
  readonly type: "pool";
}

/** Pooling; training keeps input and output of a max pool for its gradient, of an average pool nothing. */
export const pool: Rule<Pool> = {
  type: "pool",
  outputShape: (operation, shapeOf) => poolShape(shapeOf(operation.input), operation),
  forward(builder, operation) {
    const { input, output } = operation;
    const { target, shapeOf } = builder;
    addTensor(builder, output, shapeOf(output));
    addStep(builder, poolKernel({ shape: shapeOf(input), pool: operation, ...target }), { input, output });
  },
  backward(builder, operation, outputGradient) {
    const { input, output } = operation;
    const shape = builder.shapeOf(input);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, poolGradientKernel({ shape, pool: operation, ...builder.target }), {
      input,
      output,
      outputGradient,
      inputGradient,
    });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, { tensor, shapeOf }) =>
    poolReference(tensor(operation.input), shapeOf(operation.input), operation),
  referenceGradient: (operation, { tensor, shapeOf }, outputGradient) =>
    new Map([[
      operation.input,
      poolGradientReference(tensor(operation.input), outputGradient, shapeOf(operation.input), operation),
    ]]),
};
