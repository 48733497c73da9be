/**
 * Squeeze-and-excitation's product in a network.
 *
 * @module
 */

import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import {
  multiplyGateGradientKernel,
  multiplyGateGradientReference,
  multiplyKernel,
  multiplyReference,
  multiplyShape,
} from "./kernels.ts";

/** Squeeze-and-excitation's product: `input` `[N, H, W, C]` times `gate` `[N, 1, 1, C]`. */
export interface Multiply extends AnyOperation {
  readonly type: "multiply";
  readonly gate: string;
}

/** The product; training keeps both factors for its gradient. */
export const multiply: Rule<Multiply> = {
  type: "multiply",
  inputs: ({ input, gate }) => [input, gate],
  outputShape: ({ input, gate }, shapeOf) => multiplyShape(shapeOf(input), shapeOf(gate)),
  forward(builder, { input, gate, output }) {
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    addStep(builder, multiplyKernel({ shape, ...builder.target }), { input, gate, output });
  },
  backward(builder, operation, outputGradient) {
    const { input, gate, output } = operation;
    const { target, shapeOf } = builder;
    const shape = shapeOf(input);
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    const gateGradient = addTensor(builder, `${output} gate gradient`, shapeOf(gate));
    addStep(builder, multiplyGateGradientKernel({ shape, ...target }), { input, outputGradient, gateGradient });
    addStep(builder, multiplyKernel({ shape, ...target }), { input: outputGradient, gate, output: inputGradient });
    return [{ tensor: input, gradient: inputGradient }, { tensor: gate, gradient: gateGradient }];
  },
  reference: ({ input, gate }, { tensor, shapeOf }) => multiplyReference(tensor(input), tensor(gate), shapeOf(input)),
  referenceGradient: ({ input, gate }, { tensor, shapeOf }, outputGradient) =>
    new Map([
      [input, multiplyReference(outputGradient, tensor(gate), shapeOf(input))],
      [gate, multiplyGateGradientReference(tensor(input), outputGradient, shapeOf(input))],
    ]),
};
