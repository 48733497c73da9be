/**
 * Global average pooling in a network.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import {
  globalAveragePoolGradientKernel,
  globalAveragePoolGradientReference,
  globalAveragePoolKernel,
  globalAveragePoolReference,
  globalAveragePoolShape,
} from "./kernels.ts";

/** Mean over H and W: `[N, H, W, C]` to `[N, 1, 1, C]`. */
export interface GlobalAveragePool extends AnyOperation {
  readonly type: "globalAveragePool";
}

/** The mean over H and W; training keeps nothing for its gradient. */
export const globalAveragePool: Rule<GlobalAveragePool> = {
  type: "globalAveragePool",
  outputShape: ({ input }, shapeOf) => globalAveragePoolShape(shapeOf(input)),
  forward(builder, { input, output }) {
    const { target, shapeOf } = builder;
    addTensor(builder, output, shapeOf(output));
    addStep(builder, globalAveragePoolKernel({ shape: shapeOf(input), ...target }), { input, output });
  },
  backward(builder, operation, outputGradient) {
    const { input } = operation;
    const shape = builder.shapeOf(input);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, globalAveragePoolGradientKernel({ shape, ...builder.target }), { outputGradient, inputGradient });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: ({ input }, { tensor, shapeOf }) => globalAveragePoolReference(tensor(input), shapeOf(input)),
  referenceGradient: ({ input }, { shapeOf }, outputGradient) =>
    new Map([[input, globalAveragePoolGradientReference(outputGradient, shapeOf(input))]]),
};
