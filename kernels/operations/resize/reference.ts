/**
 * Resizing on the CPU: the kernels' reference, and the way for images that are too large for one binding.
 *
 * @module
 */

import { atOnce, PIECE, type Pieces } from "../../../formats/base/event_loop.ts";
import { PRECISION, type ResizeOptions, type ResizeTables, resizeTables } from "./tables.ts";

const HALF = 1 << (PRECISION - 1);

/**
 * Resizes an RGB image to the same bytes as Pillow.
 *
 * @param pixels `[height, width, 3]`.
 * @param width Width of the input, pixels.
 * @param height Height of the input, pixels.
 * @param options Size of the output, filter, box and window; or the {@linkcode resizeTables} of these, which a caller keeps.
 * @returns `[size[0], size[1], 3]`, or the window of it.
 * @throws {TypeError} If the pixels are not as many as width and height say.
 * @throws {RangeError} As {@linkcode resizeTables}.
 */
export function resizeReference(
  pixels: Uint8Array,
  width: number,
  height: number,
  options: ResizeOptions | ResizeTables,
): Uint8Array<ArrayBuffer> {
  const tables = "values" in options ? options : resizeTables(width, height, options);
  return atOnce(resizeInPieces(pixels, width, height, tables));
}

/**
 * Resizes piece by piece, since a large image takes seconds.
 *
 * @param pixels As for {@linkcode resizeReference}, like the rest.
 * @returns Work whose result is the same.
 * @throws {TypeError} If the pixels are not as many as width and height say.
 */
export function* resizeInPieces(
  pixels: Uint8Array,
  width: number,
  height: number,
  tables: ResizeTables,
): Pieces<Uint8Array<ArrayBuffer>> {
  if (pixels.length !== width * height * 3) {
    throw new TypeError(`Cannot resize an RGB image of ${width} x ${height}: it has ${pixels.length} bytes`);
  }
  const { firstRow, rows, columns, size } = tables;
  return tables.verticalFirst
    ? yield* horizontal(yield* vertical(pixels, columns, tables), tables, { firstRow: 0, rows: size[0] })
    : yield* vertical(yield* horizontal(pixels, tables, { firstRow, rows }), columns, tables);
}

function clip(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function* horizontal(
  pixels: Uint8Array,
  tables: ResizeTables,
  { firstRow, rows }: { firstRow: number; rows: number },
): Pieces<Uint8Array<ArrayBuffer>> {
  const { width, size: [, output], values } = tables;
  const result = new Uint8Array(rows * output * 3);
  let taps = 0;
  for (let x = 0; x < output; x++) taps += values[output + x];
  for (let row = 0, done = 0; row < rows; row++) {
    horizontalRow(pixels, (firstRow + row) * width, { output, values }, result, row * output * 3);
    done += taps;
    if (done < PIECE) continue;
    done = 0;
    yield;
  }
  return result;
}

function horizontalRow(
  pixels: Uint8Array,
  start: number,
  { output, values }: { output: number; values: Int32Array },
  result: Uint8Array,
  index: number,
): void {
  for (let x = 0; x < output; x++) {
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    let source = (start + values[x]) * 3;
    const end = (2 + values[output + x]) * output + x;
    for (let tap = 2 * output + x; tap < end; tap += output) {
      const weight = values[tap];
      red = (red + Math.imul(pixels[source], weight)) | 0;
      green = (green + Math.imul(pixels[source + 1], weight)) | 0;
      blue = (blue + Math.imul(pixels[source + 2], weight)) | 0;
      source += 3;
    }
    result[index++] = clip(red);
    result[index++] = clip(green);
    result[index++] = clip(blue);
  }
}

/** Row by row of the input, so that memory is read in order. */
function* vertical(
  rows: Uint8Array,
  columns: number,
  { size: [output], values, vertical }: ResizeTables,
): Pieces<Uint8Array<ArrayBuffer>> {
  const length = columns * 3;
  const table = values.subarray(vertical);
  const result = new Uint8Array(output * length);
  const sums = new Int32Array(length);
  for (let y = 0, done = 0; y < output; y++) {
    sums.fill(HALF);
    for (let tap = 0; tap < table[output + y]; tap++) {
      addRow(sums, rows, (table[y] + tap) * length, table[(2 + tap) * output + y]);
      done += columns;
      if (done < PIECE) continue;
      done = 0;
      yield;
    }
    for (let index = 0; index < length; index++) result[y * length + index] = clip(sums[index]);
  }
  return result;
}

function addRow(sums: Int32Array, rows: Uint8Array, start: number, weight: number): void {
  for (let index = 0; index < sums.length; index++) sums[index] += Math.imul(rows[start + index], weight);
}
