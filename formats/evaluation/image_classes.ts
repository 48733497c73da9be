/**
 * Which classes images show, as files say it: lists of class indices in the order of the images, as ReaL has them; such lists
 * by the images' names; or annotations of COCO.
 *
 *     [[3], [], [0, 2]]        {"a.png": [3], "folder/b.png": []}        {"images": [], "annotations": [], "categories": []}
 *
 * An empty list is of an image that shows none of the classes. Where it is not known of some classes whether an image shows
 * them, as where annotators were not asked, its entry is `{"classes": [3], "unknown": [5, 7]}`.
 *
 * @module
 */

import { isObject } from "../base/json.ts";
import { showValue } from "../base/show_value.ts";
import { cocoLists, parseCocoLabels } from "./coco.ts";
import { checkLabels } from "./multi_labels.ts";

/** The classes of an image. */
export interface ImageClasses {
  /** Indices of those that it shows. */
  readonly present: readonly number[];
  /** Indices of those of which is not known whether it does. */
  readonly unknown: readonly number[];
}

/** What a file says of images. */
export interface ImageClassesFile {
  /** Names of the classes, by index, where the file has them. */
  readonly categories?: readonly string[];
  /** In the order of the images, or by their names: paths, or only the last parts of them. */
  readonly entries: readonly ImageClasses[] | ReadonlyMap<string, ImageClasses>;
}

/** Whose classes they are. */
export interface ImageClassesOptions {
  /** How many there are, at most 1,000,000 where that is not known; annotations of COCO say so themselves. */
  readonly classes?: number;
  /** What is being done, for messages. */
  readonly subject: string;
}

/** Classes where nobody says how many there are. */
const MOST_CLASSES = 1_000_000;

/**
 * Checks what a file says of images.
 *
 * @param value What the file holds.
 * @param options Whose classes they are.
 * @returns The classes of the images.
 * @throws {TypeError} If it is something else, or an index is beyond the classes.
 */
export function parseImageClasses(value: unknown, options: ImageClassesOptions): ImageClassesFile {
  const { classes = MOST_CLASSES, subject } = options;
  if (isObject(value) && cocoLists.some((name) => name in value)) {
    const { categories, labels } = parseCocoLabels(value, subject);
    return { categories, entries: new Map([...labels].map(([name, present]) => [name, { present, unknown: [] }])) };
  }
  const parse = (entry: unknown, name: string) => parseEntry(entry, { what: `entry ${name}`, classes, subject });
  if (Array.isArray(value)) return { entries: value.map((entry, index) => parse(entry, `${index}`)) };
  if (!isObject(value)) {
    throw new TypeError(`${subject}: it is ${showValue(value)}, expected lists of classes or annotations of COCO`);
  }
  return { entries: new Map(Object.entries(value).map(([name, entry]) => [name, parse(entry, showValue(name))])) };
}

function parseEntry(
  entry: unknown,
  { what, ...options }: { readonly what: string; readonly classes: number; readonly subject: string },
): ImageClasses {
  const { subject } = options;
  const parts = isObject(entry) ? entry : { classes: entry };
  const other = Object.keys(parts).find((name) => name !== "classes" && name !== "unknown");
  if (other !== undefined) {
    throw new TypeError(`${subject}: ${what} has ${showValue(other)}, expected "classes" and "unknown"`);
  }
  const present = checkLabels(parts.classes, what, options);
  const unknown = checkLabels(parts.unknown ?? [], what, options);
  const both = present.find((label) => unknown.includes(label));
  if (both !== undefined) throw new TypeError(`${subject}: ${what} has ${both} among its classes and as unknown`);
  return { present, unknown };
}
