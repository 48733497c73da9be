/**
 * WebDataset's way of naming many shards: `train-{0000..0146}.tar`.
 *
 * @module
 */

import { numberOf } from "./number_of.ts";

/** No data set has as many shards; a pattern beyond it is a slip of the hand. */
const MOST_NAMES = 1_000_000;

/**
 * Expands brace ranges (`{0000..0146}`, the width kept) and lists (`{train,val}`), the leftmost slowest. Braces that
 * hold neither are left as they are.
 *
 * @param pattern A path, perhaps with braces.
 * @returns The names in order; the pattern itself if it has none.
 * @throws {RangeError} If the pattern names more than a million shards.
 */
export function expandBraces(pattern: string): string[] {
  const brace = /\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}/.exec(pattern);
  if (!brace) return [pattern];
  const [text, first, last, list] = brace;
  const heads = list === undefined ? numbersBetween(pattern, first, last) : list.split(",");
  const tails = expandBraces(pattern.slice(brace.index + text.length));
  if (heads.length * tails.length > MOST_NAMES) {
    throw new RangeError(`Cannot expand "${pattern}": it names more than ${MOST_NAMES} files`);
  }
  const before = pattern.slice(0, brace.index);
  return heads.flatMap((head) => tails.map((tail) => before + head + tail));
}

function numbersBetween(pattern: string, first: string, last: string): string[] {
  const start = Number(first);
  const count = Number(last) - start + 1;
  if (count < 1 || count > MOST_NAMES) {
    throw new RangeError(
      `Cannot expand "${pattern}": {${first}..${last}} names ${numberOf(Math.max(count, 0), "file")}`,
    );
  }
  return Array.from({ length: count }, (_, index) => String(start + index).padStart(first.length, "0"));
}
