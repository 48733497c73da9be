/**
 * Outlook attention on the CPU, in float64.
 *
 * @module
 */

import type { Shape } from "../shared/tensor.ts";
import { type OutlookAttentionOptions, WINDOW } from "./shape.ts";

/** The softmax of every run of 9 logits, times a factor. */
function weightsOf(logits: ArrayLike<number>, scale: number): Float64Array {
  const weights = Float64Array.from(logits, (logit) => scale * logit);
  for (let start = 0; start < weights.length; start += WINDOW) {
    const run = weights.subarray(start, start + WINDOW);
    const largest = Math.max(...run);
    run.forEach((logit, index) => run[index] = Math.exp(logit - largest));
    const sum = run.reduce((all, value) => all + value, 0);
    run.forEach((value, index) => run[index] = value / sum);
  }
  return weights;
}

/**
 * Calls a function with every weight, and the elements that it joins: `to` of the output, `from` of the values.
 */
function eachProduct(
  [batch, height, width, channels]: Shape,
  { heads, stride }: OutlookAttentionOptions,
  visit: (weight: number, to: number, from: number) => void,
): void {
  const rows = Math.ceil(height / stride[0]);
  const columns = Math.ceil(width / stride[1]);
  const own = channels / heads;
  /** The first element of a window's position, undefined beyond the borders. */
  const elementAt = (image: number, row: number, column: number, place: number): number | undefined => {
    const y = row * stride[0] + Math.floor(place / 3) - 1;
    const x = column * stride[1] + place % 3 - 1;
    return y < 0 || y >= height || x < 0 || x >= width ? undefined : ((image * height + y) * width + x) * channels;
  };
  for (let window = 0; window < batch * rows * columns; window++) {
    const image = Math.floor(window / (rows * columns));
    const [row, column] = [Math.floor(window / columns) % rows, window % columns];
    for (let i = 0; i < WINDOW; i++) {
      const to = elementAt(image, row, column, i);
      for (let j = 0; j < WINDOW; j++) {
        const from = elementAt(image, row, column, j);
        if (to === undefined || from === undefined) continue;
        for (let channel = 0; channel < channels; channel++) {
          const head = Math.floor(channel / own);
          visit(((window * heads + head) * WINDOW + i) * WINDOW + j, to + channel, from + channel);
        }
      }
    }
  }
}

/**
 * Outlook attention.
 *
 * @param value `[N, H, W, C]`, channels not padded.
 * @param logits Logits of each window.
 * @param shape Shape of the values.
 * @param options Heads, stride and scale.
 * @returns `[N, H, W, C]`.
 */
export function outlookAttentionReference(
  value: ArrayLike<number>,
  logits: ArrayLike<number>,
  shape: Shape,
  options: OutlookAttentionOptions,
): Float64Array {
  const weights = weightsOf(logits, options.scale);
  const output = new Float64Array(value.length);
  eachProduct(shape, options, (weight, to, from) => output[to] += weights[weight] * value[from]);
  return output;
}

/**
 * The gradients of outlook attention.
 *
 * @param value `[N, H, W, C]`, channels not padded.
 * @param logits Logits of each window.
 * @param outputGradient The gradient of the output, in the values' shape.
 * @param shape Shape of the values.
 * @param options Heads, stride and scale.
 * @returns The gradients of values and logits.
 */
export function outlookAttentionGradientReference(
  value: ArrayLike<number>,
  logits: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  shape: Shape,
  options: OutlookAttentionOptions,
): Record<"value" | "logits", Float64Array> {
  const weights = weightsOf(logits, options.scale);
  const gradients = { value: new Float64Array(value.length), logits: new Float64Array(logits.length) };
  eachProduct(shape, options, (weight, to, from) => {
    gradients.value[from] += weights[weight] * outputGradient[to];
    gradients.logits[weight] += value[from] * outputGradient[to];
  });
  for (let start = 0; start < weights.length; start += WINDOW) {
    let mean = 0;
    for (let at = start; at < start + WINDOW; at++) mean += weights[at] * gradients.logits[at];
    for (let at = start; at < start + WINDOW; at++) {
      gradients.logits[at] = options.scale * weights[at] * (gradients.logits[at] - mean);
    }
  }
  return gradients;
}
