/**
 * Resizing on the CPU: the kernels' reference, and the way for images that are too large for one binding.
 *
 * @module
 */

import { PRECISION, type ResizeOptions, type ResizeTables, resizeTables } from "./tables.ts";

const HALF = 1 << (PRECISION - 1);

/**
 * Resizes an RGB image to the same bytes as Pillow.
 *
 * @param pixels `[height, width, 3]`.
 * @param width Of the input, pixels.
 * @param height Of the input, pixels.
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
  if (pixels.length !== width * height * 3) {
    throw new TypeError(`Cannot resize an RGB image of ${width} x ${height}: it has ${pixels.length} bytes`);
  }
  const tables = "values" in options ? options : resizeTables(width, height, options);
  const { firstRow, rows, columns, size } = tables;
  return tables.verticalFirst
    ? horizontal(vertical(pixels, columns, tables), tables, { firstRow: 0, rows: size[0] })
    : vertical(horizontal(pixels, tables, { firstRow, rows }), columns, tables);
}

function clip(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function horizontal(
  pixels: Uint8Array,
  { width, size, values }: ResizeTables,
  { firstRow, rows }: { firstRow: number; rows: number },
): Uint8Array<ArrayBuffer> {
  const output = size[1];
  const result = new Uint8Array(rows * output * 3);
  let index = 0;
  for (let row = firstRow; row < firstRow + rows; row++) {
    for (let x = 0; x < output; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let source = (row * width + values[x]) * 3;
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
  return result;
}

/** Row by row of the input, so that memory is read in order. */
function vertical(
  rows: Uint8Array,
  columns: number,
  { size, values, vertical }: ResizeTables,
): Uint8Array<ArrayBuffer> {
  const output = size[0];
  const length = columns * 3;
  const table = values.subarray(vertical);
  const result = new Uint8Array(output * length);
  const sums = new Int32Array(length);
  for (let y = 0; y < output; y++) {
    sums.fill(HALF);
    for (let tap = 0; tap < table[output + y]; tap++) {
      const weight = table[(2 + tap) * output + y];
      const source = (table[y] + tap) * length;
      for (let index = 0; index < length; index++) sums[index] += Math.imul(rows[source + index], weight);
    }
    for (let index = 0; index < length; index++) result[y * length + index] = clip(sums[index]);
  }
  return result;
}
