/**
 * Convolution on the CPU.
 *
 * @module
 */

import { activationRule } from "../activation/functions/mod.ts";
import { type ConvolutionShape, type Epilogue, outputPositions } from "./shape.ts";

/**
 * Convolution with its epilogue, in float64.
 *
 * @param shape The convolution.
 * @param values `input` `[N, H, W, C]`, `weight` in PyTorch's order, `bias` `[outputChannels]`, `residual`
 * `[N, h, w, residualChannels]`; channels not padded.
 * @param epilogue What follows the sum.
 * @returns `[N, h, w, outputChannels]`.
 */
export function convolutionReference(
  shape: ConvolutionShape,
  values: {
    input: ArrayLike<number>;
    weight: ArrayLike<number>;
    bias?: ArrayLike<number>;
    residual?: ArrayLike<number>;
  },
  epilogue: Epilogue = {},
): Float64Array {
  const { input: [height, width], inputChannels, outputChannels, output, before, kernel, stride, groups } = shape;
  const { input, weight, bias, residual } = values;
  const { activation, residualChannels = 0 } = epilogue;
  const inputs = inputChannels / groups;
  const outputs = outputChannels / groups;
  const result = new Float64Array(outputPositions(shape) * outputChannels);
  for (let position = 0; position < result.length / outputChannels; position++) {
    const left = (position % output[1]) * stride[1] - before[1];
    const row = Math.floor(position / output[1]);
    const top = (row % output[0]) * stride[0] - before[0];
    const image = Math.floor(row / output[0]);
    for (let channel = 0; channel < outputChannels; channel++) {
      const firstInput = Math.floor(channel / outputs) * inputs;
      let sum = bias ? bias[channel] : 0;
      for (let dy = Math.max(0, -top); dy < Math.min(kernel[0], height - top); dy++) {
        for (let dx = Math.max(0, -left); dx < Math.min(kernel[1], width - left); dx++) {
          const from = ((image * height + top + dy) * width + left + dx) * inputChannels + firstInput;
          const tap = dy * kernel[1] + dx;
          for (let i = 0; i < inputs; i++) {
            sum += input[from + i] * weight[(channel * inputs + i) * kernel[0] * kernel[1] + tap];
          }
        }
      }
      if (residual && channel < residualChannels) sum += residual[position * residualChannels + channel];
      result[position * outputChannels + channel] = activation ? activationRule(activation).reference(sum) : sum;
    }
  }
  return result;
}
