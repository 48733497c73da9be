/**
 * A linear layer in a network: a convolution of 1 x 1.
 *
 * @module
 */

import { type Convolution, convolution, type ConvolutionFusion } from "../convolution/rule.ts";
import type { AnyOperation, Rule } from "../shared/rule.ts";

/** A matrix product over the channels of every position: `output[n, y, x, :] = weight * input[n, y, x, :] + bias`. */
export interface Linear extends AnyOperation {
  readonly type: "linear";
  readonly weight: string;
  readonly bias?: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** False where timm's `no_weight_decay` lists the weight: layers that give biases of relative positions. */
  readonly decays?: boolean;
}

function asConvolution<F>(operation: Linear & F): Convolution & F {
  return { ...operation, type: "convolution", kernel: [1, 1], stride: [1, 1], padding: [0, 0], groups: 1 };
}

/** The linear layer; training keeps the input for its gradients. */
export const linear: Rule<Linear, Linear & ConvolutionFusion> = {
  type: "linear",
  outputShape: (operation, shapeOf) => convolution.outputShape(asConvolution(operation), shapeOf),
  multiplyAdds: (operation, shapeOf) => convolution.multiplyAdds!(asConvolution(operation), shapeOf),
  parameters: ({ weight, bias, outputChannels, inputChannels, decays = true }) => [
    [weight, [outputChannels, inputChannels], decays ? undefined : { decays }],
    ...(bias === undefined ? [] : [[bias, [outputChannels]] as const]),
  ],
  fusion: {
    readers: convolution.fusion!.readers,
    take(operation, reader, context) {
      const taken = convolution.fusion!.take(asConvolution(operation), reader, context);
      return taken && { ...taken, type: "linear" };
    },
  },
  forward: (builder, operation, layer) => convolution.forward(builder, asConvolution(operation), layer),
  backward: (builder, operation, outputGradient, options) =>
    convolution.backward(builder, asConvolution(operation), outputGradient, options),
  reference: (operation, values) => convolution.reference(asConvolution(operation), values),
  referenceGradient: (operation, values, outputGradient) =>
    convolution.referenceGradient(asConvolution(operation), values, outputGradient),
};
