/**
 * Attention on the CPU, in plain loops over float64: for a head, with s = scale q k + bias + mask,
 *
 *     p = softmax of s over the keys,  o = sum over the keys of p v,
 *
 * and of g = dL/do
 *
 *     dL/dv = sum over the queries of p g,  dL/dp = g v,  dL/ds = p (dL/dp - sum over the keys of p dL/dp),
 *     dL/dq = scale sum over the keys of dL/ds k,  dL/dk = scale sum over the queries of dL/ds q,
 *
 * and each entry of the bias table gets the sum of dL/ds over the pairs that it was added to.
 *
 * @module
 */

import { type AttentionShape, biasRows, MASKED, type Part, PARTS, type RelativeBias, type ShiftMask } from "./shape.ts";

/** What an attention reads: the tensors of its parts, channels not padded, and the bias table `[L, heads]`. */
export interface AttentionValues extends Readonly<Record<Part, ArrayLike<number>>> {
  readonly bias?: ArrayLike<number>;
}

/** The row of the table for a query and a key; BEiT's order where there is a class token. */
export function biasRow(bias: RelativeBias, query: number, key: number): number {
  const { grid: [height, width], prefix } = bias;
  if (prefix && (query === 0 || key === 0)) {
    const rows = biasRows(bias);
    if (query === key) return rows - 1;
    return query === 0 ? rows - 3 : rows - 2;
  }
  const [i, j] = [query - prefix, key - prefix];
  const dy = Math.floor(i / width) - Math.floor(j / width);
  return (dy + height - 1) * (2 * width - 1) + (i % width - j % width + width - 1);
}

/** The region of the rolled image in which a position of a window lies. */
function maskRegion({ grid, window, shift }: ShiftMask, entry: number, position: number): number {
  const across = grid[1] / window[1];
  const index = entry % (grid[0] / window[0] * across);
  const y = Math.floor(index / across) * window[0] + Math.floor(position / window[1]);
  const x = index % across * window[1] + position % window[1];
  const part = (place: number, axis: 0 | 1) =>
    shift[axis] === 0 || place < grid[axis] - window[axis] ? 0 : place < grid[axis] - shift[axis] ? 1 : 2;
  return part(y, 0) * 3 + part(x, 1);
}

/** The first channel of a head's part at a position of an entry of the batch. */
function place(shape: AttentionShape, part: Part, entry: number, position: number, head: number): number {
  const { offset, channels } = shape.parts[part];
  const positions = part === "query" ? shape.queries : shape.keys;
  return (entry * positions + position) * channels + offset + head * shape.headStride;
}

function dot(a: ArrayLike<number>, firstA: number, b: ArrayLike<number>, firstB: number, length: number): number {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += a[firstA + index] * b[firstB + index];
  return sum;
}

/** The softmax of a query's scores. */
function probabilities(
  shape: AttentionShape,
  values: AttentionValues,
  entry: number,
  head: number,
  query: number,
): Float64Array {
  const { keys, heads, headChannels, scale, bias, mask } = shape;
  const at = place(shape, "query", entry, query, head);
  const scores = Float64Array.from({ length: keys }, (_, key) => {
    const product = dot(values.query, at, values.key, place(shape, "key", entry, key, head), headChannels);
    const added = bias ? values.bias![biasRow(bias, query, key) * heads + head] : 0;
    const masked = mask && maskRegion(mask, entry, query) !== maskRegion(mask, entry, key);
    return scale * product + added + (masked ? MASKED : 0);
  });
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * Attention on the CPU.
 *
 * @param shape The attention.
 * @param values What it reads.
 * @returns `[N, queries, heads * headChannels]`.
 */
export function attentionReference(shape: AttentionShape, values: AttentionValues): Float64Array {
  const { batch, queries, keys, heads, headChannels } = shape;
  const output = new Float64Array(batch * queries * heads * headChannels);
  forEachQuery(shape, (entry, head, query) => {
    const shares = probabilities(shape, values, entry, head, query);
    const to = ((entry * queries + query) * heads + head) * headChannels;
    for (let key = 0; key < keys; key++) {
      const from = place(shape, "value", entry, key, head);
      for (let channel = 0; channel < headChannels; channel++) {
        output[to + channel] += shares[key] * values.value[from + channel];
      }
    }
  });
  return output;
}

/**
 * The gradients of attention on the CPU.
 *
 * @param shape The attention.
 * @param values What it reads.
 * @param outputGradient The gradient of the output, in its shape.
 * @returns The gradient that each part gives to its tensor, in the tensor's shape, and that of the bias table.
 */
export function attentionGradientReference(
  shape: AttentionShape,
  values: AttentionValues,
  outputGradient: ArrayLike<number>,
): Record<Part | "bias", Float64Array> {
  const { queries, keys, heads, headChannels, scale, bias } = shape;
  const [query, key, value] = PARTS.map((part) => new Float64Array(values[part].length));
  const gradients = { query, key, value, bias: new Float64Array(values.bias?.length ?? 0) };
  forEachQuery(shape, (entry, head, asking) => {
    const shares = probabilities(shape, values, entry, head, asking);
    const output = ((entry * queries + asking) * heads + head) * headChannels;
    const queryAt = place(shape, "query", entry, asking, head);
    const shareGradients = shares.map((_, asked) =>
      dot(outputGradient, output, values.value, place(shape, "value", entry, asked, head), headChannels)
    );
    const mean = dot(shares, 0, shareGradients, 0, keys);
    for (let asked = 0; asked < keys; asked++) {
      const scoreGradient = shares[asked] * (shareGradients[asked] - mean);
      const keyAt = place(shape, "key", entry, asked, head);
      const valueAt = place(shape, "value", entry, asked, head);
      for (let channel = 0; channel < headChannels; channel++) {
        value[valueAt + channel] += shares[asked] * outputGradient[output + channel];
        query[queryAt + channel] += scale * scoreGradient * values.key[keyAt + channel];
        key[keyAt + channel] += scale * scoreGradient * values.query[queryAt + channel];
      }
      if (bias) gradients.bias[biasRow(bias, asking, asked) * heads + head] += scoreGradient;
    }
  });
  return gradients;
}

function forEachQuery(
  { batch, heads, queries }: AttentionShape,
  visit: (entry: number, head: number, query: number) => void,
): void {
  for (let entry = 0; entry < batch; entry++) {
    for (let head = 0; head < heads; head++) {
      for (let query = 0; query < queries; query++) visit(entry, head, query);
    }
  }
}
