/**
 * The part of an image that goes to the device. A part more than four times as high or wide as what is made of it, or
 * larger than its share of the upload, is first reduced by whole factors, each pixel the mean of those it replaces: so
 * the pixels of a step have a bound, and so has the resize's reach. (Pillow's `reduce`, as its `reducing_gap` uses it: a
 * part that keeps to its share is left more than twice as large as the result, so that the filter after it sees little of
 * the difference.)
 *
 * @module
 */

import { PIECE, type Pieces } from "../../../formats/base/event_loop.ts";
import type { Pair } from "../shared/window.ts";
import { type ResizeFilter, type ResizeTables, resizeTables } from "../resize/mod.ts";
import type { PixelBox } from "./random_resized_crop.ts";

/** A part may be this many times as high or wide as its result; beyond, it is reduced. */
export const MOST_REDUCTION = 4;

/**
 * The factors by which a part is reduced.
 *
 * @param part Its height and width, pixels.
 * @param size Size of the result.
 * @param share Bytes that the part may have after reduction, 3 a pixel.
 * @returns One for the height and one for the width, 1 where nothing is reduced.
 */
export function reductionFactors(part: { height: number; width: number }, size: Pair, share: number): Pair {
  const lengths = [part.height, part.width];
  const factors = lengths.map((length, axis) => Math.max(1, Math.ceil(length / (size[axis] * MOST_REDUCTION))));
  const left = (axis: number) => Math.ceil(lengths[axis] / factors[axis]);
  while (left(0) * left(1) * 3 > share && left(0) * left(1) > 1) {
    factors[left(0) / size[0] >= left(1) / size[1] && left(0) > 1 ? 0 : left(1) > 1 ? 1 : 0]++;
  }
  return [factors[0], factors[1]];
}

/**
 * The tables that resize one axis of a part after its reduction; the last pixel of a length that the factor does not
 * divide counts for as much as it stands for.
 *
 * @param length Length of the part, pixels.
 * @param factor By which it is reduced.
 * @param size Size of the result.
 * @param filter How pixels are weighed.
 * @returns The tables of a square part of that length: either axis has its own.
 */
export function reducedTables(length: number, factor: number, size: Pair, filter: ResizeFilter): ResizeTables {
  const end = length / factor;
  const pixels = Math.ceil(end);
  return resizeTables(pixels, pixels, { size, filter, box: { left: 0, top: 0, right: end, bottom: end } });
}

/**
 * Cuts a part out of an image, and reduces it, piece by piece.
 *
 * @param image The image, RGB of 8 bits.
 * @param box The part.
 * @param factors What {@linkcode reductionFactors} gives.
 * @param target Where `[height, width, 3]` goes, each the box's divided by its factor, rounded up.
 * @returns The work.
 */
export function* cutOut(
  image: { readonly width: number; readonly pixels: Uint8Array },
  box: PixelBox,
  factors: Pair,
  target: Uint8Array,
): Pieces<void> {
  const { width, pixels } = image;
  const [down, across] = factors;
  if (down === 1 && across === 1) {
    for (let row = 0; row < box.height; row++) {
      const start = ((box.top + row) * width + box.left) * 3;
      target.set(pixels.subarray(start, start + box.width * 3), row * box.width * 3);
    }
    return;
  }
  const columns = Math.ceil(box.width / across);
  const sums = new Uint32Array(columns * 3);
  for (let row = 0, to = 0, done = 0; row < box.height; row += down) {
    const rows = Math.min(down, box.height - row);
    sums.fill(0);
    for (let y = box.top + row; y < box.top + row + rows; y++) {
      addBlocks(sums, pixels, (y * width + box.left) * 3, box.width, across);
      done += box.width;
      if (done < PIECE) continue;
      done = 0;
      yield;
    }
    for (let column = 0; column < columns; column++) {
      const count = rows * Math.min(across, box.width - column * across);
      for (let sum = column * 3; sum < column * 3 + 3; sum++) target[to++] = Math.floor(sums[sum] / count + 0.5);
    }
  }
}

/** Adds the pixels of a row to the sums of their blocks. */
function addBlocks(sums: Uint32Array, pixels: Uint8Array, from: number, width: number, across: number): void {
  for (let x = 0, sum = 0; x < width; x += across, sum += 3) {
    for (const last = from + Math.min(across, width - x) * 3; from < last; from += 3) {
      sums[sum] += pixels[from];
      sums[sum + 1] += pixels[from + 1];
      sums[sum + 2] += pixels[from + 2];
    }
  }
}
