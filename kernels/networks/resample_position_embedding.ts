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

import type { StoredParameter } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";
import { filterTaps } from "../operations/resize/tables.ts";

/**
 * Resamples position embeddings that were trained on a square image.
 *
 * @param stored `[1, prefix + s s, channels]`, the patches row-major.
 * @param grid Height and width of the grid wanted.
 * @param prefix Number of prefix tokens that have an embedding.
 * @returns `[1, prefix + h w, channels]`.
 * @throws {TypeError} If the patches make no square.
 */
export function resamplePositionEmbedding({ shape, data }: StoredParameter, grid: Pair, prefix: number): Float32Array {
  const [, tokens, channels] = shape;
  const side = Math.sqrt(tokens - prefix);
  if (!(shape.length === 3 && Number.isInteger(side) && side > 0)) {
    throw new TypeError(
      `Cannot resample position embeddings of shape [${
        shape.join(", ")
      }]: they are not of ${prefix} tokens and a square`,
    );
  }
  const head = prefix * channels;
  const rows = resampleAxis(data.subarray(head), [1, side, side * channels], grid[0]);
  const patches = resampleAxis(rows, [grid[0], side, channels], grid[1]);
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
