/**
 * Position embeddings at another grid than the one they were trained at.
 *
 * The embeddings of the patches are an image of the grid's size with a channel per feature, which is resized by the
 * bicubic filter (a = -1/2), stretched where the grid shrinks: PyTorch's `interpolate` with `mode="bicubic"` and
 * `antialias=True`. Those of prefix tokens stay.
 *
 * Source: timm 1.0.31, `resample_abs_pos_embed`; Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021, section 3.2.
 *
 * @module
 */

import type { Pair } from "../operations/shared/window.ts";
import { filterTaps } from "../operations/resize/tables.ts";

/** A parameter as a weight file holds it. */
export interface StoredParameter {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Resamples position embeddings.
 *
 * @param stored `[1, prefix + h w, channels]`, the patches row-major.
 * @param from Height and width of the grid it was trained at.
 * @param to Height and width of the grid wanted.
 * @param prefix Number of prefix tokens that have an embedding.
 * @returns `[1, prefix + H W, channels]`.
 * @throws {TypeError} If it is not of `from`'s size.
 */
export function resamplePositionEmbedding(
  { shape, data }: StoredParameter,
  from: Pair,
  to: Pair,
  prefix: number,
): Float32Array {
  const channels = shape[shape.length - 1];
  if (data.length !== (prefix + from[0] * from[1]) * channels) {
    throw new TypeError(
      `Cannot resample position embeddings of shape [${shape.join(", ")}] as a grid of ${from[0]} x ${from[1]}`,
    );
  }
  const head = prefix * channels;
  const rows = resampleAxis(data.subarray(head), [1, from[0], from[1] * channels], to[0]);
  const patches = resampleAxis(rows, [to[0], from[1], channels], to[1]);
  const output = new Float32Array(head + patches.length);
  output.set(data.subarray(0, head));
  output.set(patches, head);
  return output;
}

/** Resizes the middle axis of `[outer, length, inner]`. */
function resampleAxis(
  data: ArrayLike<number>,
  [outer, length, inner]: readonly [number, number, number],
  output: number,
): Float64Array {
  if (output === length) return Float64Array.from(data);
  const taps = filterTaps(length, 0, length / output, "bicubic", { start: 0, end: output });
  const result = new Float64Array(outer * output * inner);
  for (let row = 0; row < outer; row++) {
    taps.forEach(({ first, weights }, position) => {
      const target = (row * output + position) * inner;
      weights.forEach((weight, tap) => {
        const source = (row * length + first + tap) * inner;
        for (let index = 0; index < inner; index++) result[target + index] += weight * data[source + index];
      });
    });
  }
  return result;
}

/**
 * The grid of a square image that so many patches make.
 *
 * @param patches Their number.
 * @returns Height and width, or undefined if it is no square number.
 */
export function squareGrid(patches: number): Pair | undefined {
  const side = Math.round(Math.sqrt(patches));
  return side * side === patches ? [side, side] : undefined;
}
