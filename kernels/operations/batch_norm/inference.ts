/**
 * Batch normalisation at inference: with the running mean m and variance v of each channel,
 *
 *     y = (x - m) / sqrt(v + epsilon) * weight + bias = scale x + shift,
 *     scale = weight / sqrt(v + epsilon), shift = bias - m scale.
 *
 * After a convolution it folds into its weights.
 *
 * (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 2.)
 *
 * @module
 */

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
