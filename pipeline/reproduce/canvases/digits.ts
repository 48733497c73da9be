/**
 * The handwritten digits that scikit-learn ships (E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, 1998;
 * CC BY 4.0): 1,797 grey images of 8 x 8 pixels in a table, whose lines have 64 values of 0 to 16 and the digit.
 *
 * @module
 */

import { failWith } from "../../../formats/base/files.ts";
import { showValue } from "../../../formats/base/show_value.ts";
import { openByteStream } from "../../../formats/images/byte_stream.ts";
import type { PhotographParts, Photographs } from "./photographs.ts";

/** Where Debian's package puts the table. */
export const DIGITS_FILE = "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz";

/** Names of the classes, in the order of their folders. */
export const digitClasses: readonly string[] = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Width and height of an image in pixels. */
const SIDE = 8;

/** The value of white. */
const WHITE = 16;

/** The share of the lines, from the first on, that is not for tests. */
const TRAINING_SHARE = 2 / 3;

/** Bytes of the unpacked table at most: fifty times what it has. */
const MOST_BYTES = 2 ** 24;

/**
 * Reads the table, gzipped or not.
 *
 * @param path The file.
 * @returns The images.
 * @throws {Error} If it cannot be read, or a line is something else.
 */
export async function readDigits(path: string): Promise<PhotographParts> {
  const subject = `Cannot read digits from "${path}"`;
  const stream = await openByteStream(path).catch(
    failWith(subject, "there is no such file; Debian's package python3-sklearn has it, or name it by --digits"),
  );
  const bytes = await stream.read(MOST_BYTES).catch(failWith(subject)).finally(() => stream.close());
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
  const rows = lines.map((line, index) => {
    const values = line.split(",").map((text) => text.trim() === "" ? NaN : Number(text));
    const isRow = values.length === SIDE ** 2 + 1 && values[SIDE ** 2] < digitClasses.length &&
      values.every((value) => Number.isInteger(value) && value >= 0 && value <= WHITE);
    if (isRow) return values;
    throw new TypeError(
      `${subject}: line ${index + 1} is ${showValue(line)}, expected ${SIDE ** 2} values of 0 to ${WHITE} and a digit`,
    );
  });
  const middle = Math.round(TRAINING_SHARE * rows.length);
  const parts = { train: photographsOf(rows.slice(0, middle)), test: photographsOf(rows.slice(middle)) };
  for (const [part, { classes }] of Object.entries(parts)) {
    const lacking = digitClasses.filter((_, digit) => !classes.includes(digit));
    if (lacking.length > 0) {
      throw new TypeError(`${subject}: its ${classes.length} ${part} lines have no ${lacking.join(", ")}`);
    }
  }
  return parts;
}

function photographsOf(rows: readonly (readonly number[])[]): Photographs {
  const values = Uint8Array.from(rows.flatMap((row) => row.slice(0, -1)), (value) => Math.round(255 * value / WHITE));
  return { values, classes: Uint8Array.from(rows, (row) => row.at(-1)!), side: SIDE, names: digitClasses };
}
