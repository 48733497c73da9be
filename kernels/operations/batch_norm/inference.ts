/**
 * Batch normalisation at inference: with the running mean m and variance v of each channel,
 *
 *     y = (x - m) / sqrt(v + epsilon) * weight + bias = scale x + shift,
 *     scale = weight / sqrt(v + epsilon), shift = bias - m scale.
 *
 * After a convolution y = W x + b it folds into it: W' = scale W, for each output channel, and b' = scale b + shift.
 *
 * (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 2.)
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";

/** A batch norm's parameters, each `[C]`. */
export interface BatchNormParameters {
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly runningMean: ArrayLike<number>;
  readonly runningVariance: ArrayLike<number>;
  readonly epsilon: number;
}

/**
 * A batch norm at inference as one factor and one summand a channel.
 *
 * @param parameters The batch norm's.
 * @returns `[C]` each, in float64.
 * @throws {TypeError} If the parameters differ in length.
 */
export function batchNormScale(parameters: BatchNormParameters): { scale: Float64Array; shift: Float64Array } {
  const { weight, bias, runningMean, runningVariance, epsilon } = parameters;
  const channels = weight.length;
  for (const [name, { length }] of Object.entries({ bias, runningMean, runningVariance })) {
    if (length !== channels) {
      throw new TypeError(`Cannot read batch norm: weight has ${channels} channels, ${name} has ${length}`);
    }
  }
  const scale = Float64Array.from(weight, (value, channel) => value / Math.sqrt(runningVariance[channel] + epsilon));
  const shift = Float64Array.from(bias, (value, channel) => value - runningMean[channel] * scale[channel]);
  return { scale, shift };
}

/**
 * Folds a batch norm into the convolution before it. All arithmetic is in float64, rounded once.
 *
 * @param weight The convolution's, `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`.
 * @param bias The convolution's, `[outputChannels]`, where it has one.
 * @param batchNorm The batch norm's parameters, `[outputChannels]` each.
 * @returns Weight and bias of the convolution that does both.
 * @throws {TypeError} If the numbers of output channels differ.
 */
export function foldBatchNorm(
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  batchNorm: BatchNormParameters,
): { weight: Float32Array<ArrayBuffer>; bias: Float32Array<ArrayBuffer> } {
  const { scale, shift } = batchNormScale(batchNorm);
  const channels = scale.length;
  if (weight.length % channels !== 0 || (bias && bias.length !== channels)) {
    throw new TypeError(
      `Cannot fold batch norm of ${channels} channels into a convolution with ${weight.length} weights` +
        (bias ? ` and ${bias.length} biases` : ""),
    );
  }
  const each = weight.length / channels;
  const folded = new Float32Array(weight.length);
  for (let index = 0; index < folded.length; index++) folded[index] = weight[index] * scale[Math.floor(index / each)];
  return {
    weight: folded,
    bias: Float32Array.from(shift, (value, channel) => value + (bias ? bias[channel] * scale[channel] : 0)),
  };
}

/**
 * Batch norm at inference on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param parameters The batch norm's.
 * @returns The output, of the input's shape.
 */
export function batchNormReference(input: ArrayLike<number>, parameters: BatchNormParameters): Float64Array {
  const { weight, bias, runningMean, runningVariance, epsilon } = parameters;
  return Float64Array.from(input, (value, index) => {
    const channel = index % weight.length;
    const normal = (value - runningMean[channel]) / Math.sqrt(runningVariance[channel] + epsilon);
    return normal * weight[channel] + bias[channel];
  });
}

/**
 * Batch norm at inference, for one that follows no convolution.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with the bindings `input`, `scale`, `shift` (f32, padded with zeros) and `output`.
 */
export function batchNormKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  return itemKernel({
    name: `batch norm ${storage}`,
    profile,
    bindings: { input: vector, scale: readOnly("vec4<f32>"), shift: readOnly("vec4<f32>"), output: vector },
    parameters: [{ name: "vectors", value: channelVectors(shape[3]) }],
    items: tensorVectors(shape),
    body: `  let lanes = item % parameters.vectors;
  output[item] = ${vector}(vec4<f32>(input[item]) * scale[lanes] + shift[lanes]);`,
  });
}
