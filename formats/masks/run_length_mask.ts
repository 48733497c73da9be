/**
 * Run lengths as masks, as COCO has them: how many pixels are outside, then how many inside, then outside again, and so on,
 * column by column. They are a list, or a text: each number in groups of five bits, the lowest first, with a sixth bit where
 * another group follows, as the character 48 higher; the highest bit of the last group is its sign, and from the fourth
 * number on it is the difference to the number two before.
 *
 * @module
 */

import { numberOf } from "../base/number_of.ts";
import { showValue } from "../base/show_value.ts";
import type { Size } from "./mask_runs.ts";

/** Groups of five bits in a number, at most: more than any image has pixels. */
const MOST_GROUPS = 7;

/**
 * The mask of run lengths.
 *
 * @param counts A list of run lengths, or their text.
 * @param image Size of the image.
 * @returns The runs of its pixels.
 * @throws {TypeError} If it is neither.
 * @throws {RangeError} If a length is negative, or the lengths are not as many pixels as the image has.
 */
export function runLengthRuns(counts: unknown, image: Size): number[] {
  const lengths = typeof counts === "string" ? lengthsOf(counts) : counts;
  if (!Array.isArray(lengths)) throw new TypeError(`its counts are ${showValue(counts)}, expected a list or a text`);
  const pixels = image.height * image.width;
  const runs: number[] = [];
  let end = 0;
  lengths.forEach((length, place) => {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`run ${place} of its counts is ${showValue(length)}, expected a number of pixels`);
    }
    if (place % 2 === 1 && length > 0) runs.push(end, end + length);
    end += length;
    if (end > pixels) throw otherSize(`more than ${pixels}`, image);
  });
  if (end < pixels) throw otherSize(`${end}`, image);
  return runs;
}

function otherSize(found: string, { height, width }: Size): RangeError {
  return new RangeError(`its counts are of ${found} pixels, the image has ${height * width}, ${width} x ${height}`);
}

/** The numbers of a text. */
function lengthsOf(text: string): number[] {
  const lengths: number[] = [];
  for (let place = 0; place < text.length;) {
    const start = place;
    let value = 0;
    let group: number;
    do {
      group = text.charCodeAt(place) - 48;
      if (!(group >= 0 && group < 64)) {
        const found = place < text.length
          ? `character ${showValue(text[place])} at ${place}`
          : "no end of its last number";
        throw new TypeError(`the text of its counts has ${found}`);
      }
      if (place - start === MOST_GROUPS) {
        throw new RangeError(`the text of its counts has a number of more than ${numberOf(MOST_GROUPS, "character")}`);
      }
      value += (group & 0x1f) * 32 ** (place - start);
      place++;
    } while (group & 0x20);
    if (group & 0x10) value -= 32 ** (place - start);
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  return lengths;
}
