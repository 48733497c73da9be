/**
 * Folding into a convolution, y = W x + b, what multiplies its output channels and adds to them, y' = s y + t:
 *
 *     W' = s W, for each output channel, and b' = s b + t.
 *
 * @module
 */

/** A factor and a summand of each channel, `[C]` each. */
export type Factors = Readonly<Record<"scale" | "shift", Float64Array>>;

/**
 * Factors and summands that come one after the other, as one.
 *
 * @param all In the order in which they are applied, at least one.
 * @returns Factors and summands that do the same, in float64.
 */
export function joinFactors(all: readonly Factors[]): Factors {
  return all.reduce((first, next) => ({
    scale: first.scale.map((value, channel) => value * next.scale[channel]),
    shift: first.shift.map((value, channel) => value * next.scale[channel] + next.shift[channel]),
  }));
}

/**
 * Folds factors and summands into the convolution before them. All arithmetic is in float64, rounded once.
 *
 * @param weight The convolution's, `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`.
 * @param bias The convolution's, `[outputChannels]`, where it has one.
 * @param factors Factor and summand of each output channel.
 * @param folded An array for the weights, which may be that of the convolution's own.
 * @returns Weight and bias of the convolution that does both.
 * @throws {TypeError} If the numbers of output channels differ.
 */
export function foldFactors(
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
  { scale, shift }: Factors,
  folded: Float32Array<ArrayBuffer> = new Float32Array(weight.length),
): { weight: Float32Array<ArrayBuffer>; bias: Float32Array<ArrayBuffer> } {
  const channels = scale.length;
  if (weight.length % channels !== 0 || (bias && bias.length !== channels)) {
    throw new TypeError(
      `Cannot fold factors of ${channels} channels into a convolution with ${weight.length} weights` +
        (bias ? ` and ${bias.length} biases` : ""),
    );
  }
  const each = weight.length / channels;
  for (let index = 0; index < folded.length; index++) folded[index] = weight[index] * scale[Math.floor(index / each)];
  return {
    weight: folded,
    bias: Float32Array.from(shift, (value, channel) => value + (bias ? bias[channel] * scale[channel] : 0)),
  };
}
