/**
 * The gradients of convolution on the CPU. With x the input, w the weights, g the output gradient dL/dy, and the sums over
 * every output position p and tap t that meet at an input position q = p stride - before + t,
 *
 * | gradient of | is |
 * | --- | --- |
 * | weights, dL/dw[o, i, t] | sum over n, p of g[n, p, o] x[n, q, i] |
 * | bias, dL/db[o] | sum over n, p of g[n, p, o] |
 * | input, dL/dx[n, q, i] | sum over p, t and the outputs o of i's group of g[n, p, o] w[o, i, t] |
 *
 * @module
 */

import { type ConvolutionShape, outputPositions } from "./shape.ts";

/**
 * Calls back for every position, tap and output channel of the convolution that meet: with indices into input and weights
 * of the first input channel, and into the output; channels are not padded. The weights of the group's input channels are
 * as many elements apart as there are taps.
 */
function eachRow(shape: ConvolutionShape, visit: (input: number, weight: number, output: number) => void): void {
  const { input: [height, width], inputChannels, outputChannels, output, before, kernel, stride, groups } = shape;
  const inputs = inputChannels / groups;
  const outputs = outputChannels / groups;
  for (let position = 0; position < outputPositions(shape); position++) {
    const left = (position % output[1]) * stride[1] - before[1];
    const row = Math.floor(position / output[1]);
    const top = (row % output[0]) * stride[0] - before[0];
    const image = Math.floor(row / output[0]);
    for (let dy = Math.max(0, -top); dy < Math.min(kernel[0], height - top); dy++) {
      for (let dx = Math.max(0, -left); dx < Math.min(kernel[1], width - left); dx++) {
        const pixel = ((image * height + top + dy) * width + left + dx) * inputChannels;
        for (let channel = 0; channel < outputChannels; channel++) {
          const weight = (channel * inputs * kernel[0] + dy) * kernel[1] + dx;
          visit(pixel + Math.floor(channel / outputs) * inputs, weight, position * outputChannels + channel);
        }
      }
    }
  }
}

/**
 * The gradients of a convolution's weights and bias, in float64.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param outputGradient `[N, h, w, outputChannels]`.
 * @param shape The convolution.
 * @returns `filter` `[O, I / groups, kernelHeight, kernelWidth]` and `bias` `[O]`, PyTorch's order.
 */
export function convolutionFilterGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  shape: ConvolutionShape,
): { filter: Float64Array; bias: Float64Array } {
  const { inputChannels, outputChannels, kernel, groups } = shape;
  const inputs = inputChannels / groups;
  const taps = kernel[0] * kernel[1];
  const filter = new Float64Array(outputChannels * inputs * taps);
  eachRow(shape, (from, weight, to) => {
    const gradient = outputGradient[to];
    for (let i = 0; i < inputs; i++) filter[weight + i * taps] += input[from + i] * gradient;
  });
  const bias = new Float64Array(outputChannels);
  for (let index = 0; index < outputGradient.length; index++) bias[index % outputChannels] += outputGradient[index];
  return { filter, bias };
}

/**
 * The gradient of a convolution's input, in float64.
 *
 * @param outputGradient `[N, h, w, outputChannels]`, channels not padded.
 * @param weights In PyTorch's order.
 * @param shape The convolution.
 * @returns `[N, H, W, C]`.
 */
export function convolutionInputGradientReference(
  outputGradient: ArrayLike<number>,
  weights: ArrayLike<number>,
  shape: ConvolutionShape,
): Float64Array {
  const { batch, input, inputChannels, kernel, groups } = shape;
  const inputs = inputChannels / groups;
  const taps = kernel[0] * kernel[1];
  const inputGradient = new Float64Array(batch * input[0] * input[1] * inputChannels);
  eachRow(shape, (from, weight, to) => {
    const gradient = outputGradient[to];
    for (let i = 0; i < inputs; i++) inputGradient[from + i] += gradient * weights[weight + i * taps];
  });
  return inputGradient;
}
