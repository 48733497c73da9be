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

/** Calls back for every product of the convolution: indices into input, weights and output, channels not padded. */
function eachProduct(shape: ConvolutionShape, visit: (input: number, weight: number, output: number) => void): void {
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
          const first = pixel + Math.floor(channel / outputs) * inputs;
          for (let i = 0; i < inputs; i++) {
            const weight = ((channel * inputs + i) * kernel[0] + dy) * kernel[1] + dx;
            visit(first + i, weight, position * outputChannels + channel);
          }
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
  const filter = new Float64Array(outputChannels * inputChannels / groups * kernel[0] * kernel[1]);
  eachProduct(shape, (from, weight, to) => filter[weight] += input[from] * outputGradient[to]);
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
  const { batch, input, inputChannels } = shape;
  const gradient = new Float64Array(batch * input[0] * input[1] * inputChannels);
  eachProduct(shape, (from, weight, to) => gradient[from] += outputGradient[to] * weights[weight]);
  return gradient;
}
