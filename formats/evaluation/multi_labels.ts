/**
 * The classes that images show, as ReaL's `real.json` has them: a list for each image, of class indices.
 *
 * ReaL's 50,000 lists are those of `ILSVRC2012_val_00000001.JPEG` and on; an empty list means that the annotators found no
 * class of ImageNet, and such images are not counted. (Beyer et al., "Are we done with ImageNet?", 2020.)
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";

/** The index of an image, by its name in ImageNet's validation set. */
const VALIDATION_NAME = /(?:^|\/)ILSVRC2012_val_(\d{8})\.\w+$/;

/**
 * Checks lists of class indices.
 *
 * @param value What the file holds.
 * @param options `classes`: how many there are; `subject`: what is being done, for messages.
 * @returns The lists.
 * @throws {TypeError} If it is something else, or an index is beyond the classes.
 */
export function parseMultiLabels(
  value: unknown,
  options: { readonly classes: number; readonly subject: string },
): readonly (readonly number[])[] {
  const { classes, subject } = options;
  if (!Array.isArray(value)) throw new TypeError(`${subject}: it is ${showValue(value)}, expected a list of lists`);
  return value.map((list, index) => checkLabels(list, `entry ${index}`, { classes, subject }));
}

/**
 * Checks a list of class indices.
 *
 * @param list What the file has.
 * @param what What it is, for messages.
 * @param options As for {@linkcode parseMultiLabels}.
 * @returns The list.
 * @throws {TypeError} If it is something else, or an index is beyond the classes.
 */
export function checkLabels(
  list: unknown,
  what: string,
  { classes, subject }: { readonly classes: number; readonly subject: string },
): readonly number[] {
  if (!Array.isArray(list)) {
    throw new TypeError(`${subject}: ${what} is ${showValue(list)}, expected a list of class indices`);
  }
  const wrong = list.find((label) => !Number.isInteger(label) || label < 0 || label >= classes);
  if (wrong !== undefined) {
    throw new TypeError(`${subject}: ${what} has ${showValue(wrong)}, expected classes from 0 to ${classes - 1}`);
  }
  return list;
}

/**
 * The place of an image in lists that follow ImageNet's validation set.
 *
 * @param key The image's path.
 * @returns The index, from 0; undefined if the file's name is not one of that set.
 */
export function validationIndex(key: string): number | undefined {
  const match = VALIDATION_NAME.exec(key);
  return match === null ? undefined : Number(match[1]) - 1;
}
