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

/** A pool whose input's kernel has stored sums over runs of positions. */
export interface PoolOfSums {
  /** Their name, and how many runs an image has. */
  readonly sums?: { readonly name: string; readonly runs: number };
}

/** The mean over H and W; training keeps nothing for its gradient. */
export const globalAveragePool: Rule<GlobalAveragePool, GlobalAveragePool & PoolOfSums> = {
  type: "globalAveragePool",
  outputShape: ({ input }, shapeOf) => globalAveragePoolShape(shapeOf(input)),
  forward(builder, { input, output, sums }) {
    const { target, shapeOf } = builder;
    addTensor(builder, output, shapeOf(output));
    const kernel = globalAveragePoolKernel({ shape: shapeOf(input), runs: sums?.runs, ...target });
    addStep(builder, kernel, { input: sums?.name ?? input, output });
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
