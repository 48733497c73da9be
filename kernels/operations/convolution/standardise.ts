/**
 * Weight standardisation: each output channel's weights are brought to mean 0 and variance 1 before they are used,
 *
 *     W' = g (W - mean W) / sqrt(var W + epsilon),
 *
 * over inputs and taps, the variance being the mean of squares. g is a factor and, where there is one, a learned gain of each
 * output channel. What the images are does not enter, so that an inference does it once, when weights are packed.
 *
 * Sources: Qiao et al., "Weight Standardization", 2019 (arXiv:1903.10520), with factor 1; Brock et al., "Characterizing
 * Signal Propagation", 2021 (arXiv:2101.08692), equation 7, with a gain, and 1 / sqrt(inputs and taps) in the factor; timm's
 * `StdConv2d` and `ScaledStdConv2d`.
 *
 * @module
 */

/** How weights are standardised. */
export interface Standardisation {
  /** What is added to the variance. */
  readonly epsilon: number;
  /** What the standardised weights are multiplied by; 1 if left out. */
  readonly factor?: number;
  /** Name of the learned gain, `[outputChannels, 1, 1, 1]`, where there is one. */
  readonly gain?: string;
  /** What the gain begins training with; 1 if left out. */
  readonly initialGain?: number;
}

/**
 * Standardises weights, in float64, rounded once.
 *
 * @param weight `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`.
 * @param outputChannels Number of output channels.
 * @param options What is added to the variance, and the factor.
 * @param gain One number per output channel, where there is a gain.
 * @returns Weights of the same shape.
 */
export function standardisedWeights(
  weight: ArrayLike<number>,
  outputChannels: number,
  { epsilon, factor = 1 }: Standardisation,
  gain?: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(weight.length);
  const each = weight.length / outputChannels;
  for (let channel = 0; channel < outputChannels; channel++) {
    const first = channel * each;
    let sum = 0;
    for (let index = first; index < first + each; index++) sum += weight[index];
    const mean = sum / each;
    let squares = 0;
    for (let index = first; index < first + each; index++) squares += (weight[index] - mean) ** 2;
    const scale = factor * (gain ? gain[channel] : 1) / Math.sqrt(squares / each + epsilon);
    for (let index = first; index < first + each; index++) result[index] = scale * (weight[index] - mean);
  }
  return result;
}
