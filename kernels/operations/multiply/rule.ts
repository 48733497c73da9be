/**
 * The product with a gate in a network.
 *
 * @module
 */

import { fusesGate } from "../convolution/mod.ts";
import { type Convolution, type ConvolutionFusion, convolutionOf } from "../convolution/rule.ts";
import { addStep, addTensor } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type FusionContext, type Rule } from "../shared/rule.ts";
import {
  gatesElements,
  multiplyGateGradientKernel,
  multiplyGateGradientReference,
  multiplyKernel,
  multiplyReference,
  multiplyShape,
} from "./kernels.ts";

/** `input` `[N, H, W, C]` times `gate`: squeeze-and-excitation's `[N, 1, 1, C]`, or `[N, H, W, C]`, a gated unit's. */
export interface Multiply extends AnyOperation {
  readonly type: "multiply";
  readonly gate: string;
}

/** The convolution that reads the product, with the gate in its load. */
function take(
  { input, gate, output }: Multiply,
  reader: Convolution & ConvolutionFusion,
  { trained, target, shapeOf, isKnown }: FusionContext,
): (Convolution & ConvolutionFusion) | undefined {
  const shape = convolutionOf(reader, shapeOf(output));
  if (trained || gatesElements(shapeOf(gate)) || !fusesGate(shape, target)) return undefined;
  if (reader.residual !== undefined && !isKnown(reader.residual)) return undefined;
  return { ...reader, input, gate };
}

/** The product; inference leaves it to a convolution that reads it; training keeps both factors for its gradient. */
export const multiply: Rule<Multiply> = {
  type: "multiply",
  inputs: ({ input, gate }) => [input, gate],
  outputShape: ({ input, gate }, shapeOf) => multiplyShape(shapeOf(input), shapeOf(gate)),
  fusion: { readers: ["convolution"], take },
  forward(builder, { input, gate, output }) {
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    addStep(builder, multiplyKernel({ shape, gate: builder.shapeOf(gate), ...builder.target }), {
      input,
      gate,
      output,
    });
  },
  backward(builder, operation, outputGradient) {
    const { input, gate, output } = operation;
    const { target, shapeOf } = builder;
    const shape = shapeOf(input);
    const product = multiplyKernel({ shape, gate: shapeOf(gate), ...target });
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    const gateGradient = addTensor(builder, `${output} gate gradient`, shapeOf(gate));
    if (gatesElements(shapeOf(gate))) {
      addStep(builder, product, { input, gate: outputGradient, output: gateGradient });
    } else {
      addStep(builder, multiplyGateGradientKernel({ shape, ...target }), { input, outputGradient, gateGradient });
    }
    addStep(builder, product, { input: outputGradient, gate, output: inputGradient });
    return [{ tensor: input, gradient: inputGradient }, { tensor: gate, gradient: gateGradient }];
  },
  reference: ({ input, gate }, { tensor, shapeOf }) => multiplyReference(tensor(input), tensor(gate), shapeOf(input)),
  referenceGradient: ({ input, gate }, { tensor, shapeOf }, outputGradient) =>
    new Map([
      [input, multiplyReference(outputGradient, tensor(gate), shapeOf(input))],
      [
        gate,
        gatesElements(shapeOf(gate))
          ? multiplyReference(outputGradient, tensor(input), shapeOf(input))
          : multiplyGateGradientReference(tensor(input), outputGradient, shapeOf(input)),
      ],
    ]),
};
