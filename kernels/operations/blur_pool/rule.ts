/**
 * Blur pooling in a network.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import {
  blurPoolGradientKernel,
  blurPoolGradientReference,
  blurPoolKernel,
  type BlurPoolOptions,
  blurPoolReference,
  blurPoolShape,
} from "./kernels.ts";

/** Blur pooling with a filter of 3 x 3. */
export interface BlurPool extends AnyOperation, BlurPoolOptions {
  readonly type: "blurPool";
}

/** Blur pooling; training keeps nothing for its gradient. */
export const blurPool: Rule<BlurPool> = {
  type: "blurPool",
  outputShape: (operation, shapeOf) => blurPoolShape(shapeOf(operation.input), operation),
  forward(builder, operation) {
    const { input, output } = operation;
    const { target, shapeOf } = builder;
    addTensor(builder, output, shapeOf(output));
    addStep(builder, blurPoolKernel({ shape: shapeOf(input), pool: operation, ...target }), { input, output });
  },
  backward(builder, operation, outputGradient) {
    const { input } = operation;
    const shape = builder.shapeOf(input);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    const kernel = blurPoolGradientKernel({ shape, pool: operation, ...builder.target });
    addStep(builder, kernel, { outputGradient, inputGradient });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: (operation, { tensor, shapeOf }) =>
    blurPoolReference(tensor(operation.input), shapeOf(operation.input), operation),
  referenceGradient: (operation, { shapeOf }, outputGradient) =>
    new Map([[operation.input, blurPoolGradientReference(outputGradient, shapeOf(operation.input), operation)]]),
};
