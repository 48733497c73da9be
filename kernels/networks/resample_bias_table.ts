/**
 * Tables of relative position bias at another grid than the one they were trained at.
 *
 * Distances on the trained grid are spread over those of the new one in geometric progression, so that near ones stay
 * about one apart, and between them the bias is linear in both axes. The rows of a class token stay.
 *
 * Source: timm 1.0.31, `resize_rel_pos_bias_table` (without scipy, which would be cubic); BEiT's fine-tuning code, where
 * the progression is from.
 *
 * @module
 */

import type { Pair } from "../operations/shared/window.ts";
import type { StoredParameter } from "../operations/network.ts";

/** Rows of a class token: as query, as key, and with itself. */
const CLASS_TOKEN_ROWS = 3;

/**
 * Resamples a table of relative position bias that was trained on a square grid.
 *
 * @param stored `[(2s - 1)(2s - 1), heads]`, with 3 rows more for a class token.
 * @param grid Height and width of the grid wanted.
 * @param prefix Whether there are rows for a class token.
 * @returns `[(2h - 1)(2w - 1), heads]`, with the rows for the class token.
 * @throws {TypeError} If the table is of no square grid.
 */
export function resampleBiasTable({ shape, data }: StoredParameter, grid: Pair, prefix: 0 | 1): Float32Array {
  const heads = shape[shape.length - 1];
  const extraRows = prefix * CLASS_TOKEN_ROWS;
  const side = Math.sqrt(shape[0] - extraRows);
  if (!(shape.length === 2 && side % 2 === 1)) {
    throw new TypeError(
      `Cannot resample a table of relative position bias of shape [${shape.join(", ")}]: it is of no square grid`,
    );
  }
  const [oldRows, oldColumns] = [side, side];
  const [rows, columns] = grid.map((size) => 2 * size - 1);
  if (oldRows === rows && oldColumns === columns) return Float32Array.from(data);
  const output = new Float32Array((rows * columns + extraRows) * heads);
  const down = placesOf(oldRows, rows);
  const across = placesOf(oldColumns, columns);
  let index = 0;
  for (const y of down) {
    for (const x of across) {
      for (let head = 0; head < heads; head++) {
        const at = (row: number, column: number) => data[(row * oldColumns + column) * heads + head];
        const upper = at(y.left, x.left) * (1 - x.share) + at(y.left, x.right) * x.share;
        const lower = at(y.right, x.left) * (1 - x.share) + at(y.right, x.right) * x.share;
        output[index++] = upper * (1 - y.share) + lower * y.share;
      }
    }
  }
  output.set(data.subarray(oldRows * oldColumns * heads), index);
  return output;
}

/**
 * {@linkcode resampleBiasTable} of a table that has a heads' rows and columns together, without a class token.
 *
 * @param stored `[heads, 2s - 1, 2s - 1]`.
 * @param grid Height and width of the grid wanted.
 * @returns `[heads, 2h - 1, 2w - 1]`.
 * @throws {TypeError} If the table is of no square grid.
 */
export function resampleBiasPlanes({ shape, data }: StoredParameter, grid: Pair): Float32Array {
  const [heads, ...sides] = shape;
  const distances = data.length / heads;
  const table = transpose(data, heads, distances);
  const isTable = shape.length === 3 && sides[0] === sides[1];
  const resampled = resampleBiasTable({ shape: isTable ? [distances, heads] : shape, data: table }, grid, 0);
  return transpose(resampled, resampled.length / heads, heads);
}

/** A matrix `[rows, columns]` as `[columns, rows]`. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(matrix, (_, index) => matrix[index % rows * columns + Math.floor(index / rows)]);
}

/** Two old positions and the share of the right one. */
interface Place {
  readonly left: number;
  readonly right: number;
  readonly share: number;
}

/** Where each distance of a new axis lies among those of the old one. */
function placesOf(length: number, wanted: number): Place[] {
  const positions = spread(length, wanted).map(Math.fround);
  const reach = Math.floor(wanted / 2);
  return Array.from({ length: wanted }, (_, index) => {
    const distance = index - reach;
    const found = positions.findIndex((position) => position >= distance);
    const right = found < 0 ? length - 1 : found;
    const left = Math.max(right - 1, 0);
    const before = Math.max(distance - positions[left], 0);
    const after = Math.max(positions[right] - distance, 0);
    return { left, right, share: before + after === 0 ? 0.5 : before / (before + after) };
  });
}

/** The old distances, in units of the new ones: 0, 1, 1 + q, 1 + q + q^2, ... and their negatives. */
function spread(length: number, wanted: number): number[] {
  const half = Math.floor(length / 2);
  let [low, high] = [1.01, 1.5];
  let ratio = high;
  while (high - low > 1e-6) {
    ratio = (low + high) / 2;
    const sum = (1 - ratio ** half) / (1 - ratio);
    if (sum > Math.floor(wanted / 2)) high = ratio;
    else low = ratio;
  }
  const distances: number[] = [];
  for (let index = 0, distance = 1; index < half; index++) {
    distances.push(distance);
    distance += ratio ** (index + 1);
  }
  return [...distances.toReversed().map((distance) => -distance), 0, ...distances];
}
