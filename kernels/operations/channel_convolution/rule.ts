/**
 * A convolution along the channels in a network: that of efficient channel attention.
 *
 * @module
 */

import { addParameter, addStep, addSteps, addTensor, gradientName } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import {
  channelConvolutionFilterGradientKernels,
  channelConvolutionGradientReference,
  channelConvolutionKernel,
  channelConvolutionReference,
} from "./kernels.ts";

/** A convolution along the channels of each position, padded with zeros. */
export interface ChannelConvolution extends AnyOperation {
  readonly type: "channelConvolution";
  /** Name of the filter, `[1, 1, kernel]`. */
  readonly parameter: string;
  /** Taps of the filter, an odd number. */
  readonly kernel: number;
}

/** The convolution; training keeps the input for its gradients. */
export const channelConvolution: Rule<ChannelConvolution> = {
  type: "channelConvolution",
  outputShape: ({ input }, shapeOf) => shapeOf(input),
  parameters: ({ parameter, kernel }) => [
    // As PyTorch's Conv1d.
    [parameter, [1, 1, kernel], { initial: { uniform: 1 / Math.sqrt(kernel) } }],
  ],
  forward(builder, { input, output, parameter, kernel }) {
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    addStep(builder, channelConvolutionKernel({ shape, kernel, direction: "forward", ...builder.target }), {
      input,
      filterTaps: addParameter(builder, parameter),
      output,
    });
  },
  backward(builder, operation, outputGradient, { wanted }) {
    const { input, parameter, kernel } = operation;
    const { target, parameters } = builder;
    const shape = builder.shapeOf(input);
    if (parameters.trained) {
      const bindings = { input, outputGradient, filterGradient: gradientName(parameter) };
      const kernels = channelConvolutionFilterGradientKernels({ shape, kernel, ...target });
      addSteps(builder, kernels, bindings, gradientName(parameter));
    }
    if (!wanted(input)) return [];
    const inputGradient = addTensor(builder, contributionName(operation), shape);
    addStep(builder, channelConvolutionKernel({ shape, kernel, direction: "backward", ...target }), {
      input: outputGradient,
      filterTaps: addParameter(builder, parameter),
      output: inputGradient,
    });
    return [{ tensor: input, gradient: inputGradient }];
  },
  reference: ({ input, parameter: filter }, { tensor, shapeOf, parameter }) =>
    channelConvolutionReference(tensor(input), parameter(filter), shapeOf(input)[3]),
  referenceGradient({ input, parameter: filter }, { tensor, shapeOf, parameter }, outputGradient) {
    const gradients = channelConvolutionGradientReference(
      tensor(input),
      parameter(filter),
      outputGradient,
      shapeOf(input)[3],
    );
    return new Map([[input, gradients.input], [filter, gradients.filter]]);
  },
};
