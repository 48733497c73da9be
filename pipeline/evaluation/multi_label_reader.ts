/**
 * Files that say which classes images show, joined with the images.
 *
 * @module
 */

import { basename } from "@std/path";
import {
  type ImageClasses,
  type ImageClassesFile,
  readImageClasses,
  validationIndex,
} from "../../formats/evaluation/mod.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { mapClasses, type ModelClasses } from "./map_classes.ts";

/** The images that a file is joined with: how many there are, and the key of the first. */
export interface JoinedImages {
  readonly count: number;
  readonly first: string;
}

/** Which classes images show. */
export interface MultiLabels extends ModelClasses {
  /** How many images the file has. */
  readonly annotated: number;
  /**
   * The classes of an image by the model's indices, and the name of its entry where entries have names; undefined if the file
   * does not have the image.
   */
  find(image: { readonly index: number; readonly key: string }): { classes: ImageClasses; name?: string } | undefined;
}

/** Where the classes of a file come from. */
export interface ClassSources {
  /** The classes that are told apart, where that is settled: names of the file are found among theirs. */
  readonly model?: ModelClasses;
  /** Classes of indices without names, where it is not settled. */
  readonly listed?: ModelClasses;
}

/**
 * Reads which classes images show.
 *
 * @param path Lists of class indices, by name for ImageNet's validation set, else in the order of the images; such lists by
 *   the images' keys, or only the last parts of them; or annotations of COCO, whose images are found by the last parts.
 * @param images The images.
 * @param options Whose classes they are; without any those of the file, as many as it names. `subject`: what is being done,
 *   for messages.
 * @returns The classes of the images.
 * @throws {Error} If the file cannot be read, is something else, or is of other images or classes.
 */
export async function readMultiLabels(
  path: string,
  images: JoinedImages,
  options: ClassSources & { readonly subject: string },
): Promise<MultiLabels> {
  const { model, listed, subject } = options;
  const known = model ?? listed;
  const { categories, entries } = await readImageClasses(path, { classes: known?.classes, subject });
  if (categories) {
    const indices = model && mapClasses(categories, model, { subject, isOrdered: true });
    const find = entryFinder(entries, images, subject);
    const classes = model ?? { classes: categories.length, classNames: { name: categories } };
    return {
      ...classes,
      annotated: sizeOf(entries),
      find(image) {
        const found = find(image);
        if (!found || !indices) return found;
        const { classes: { present, unknown }, name } = found;
        return { classes: { present: present.map((label) => indices[label]), unknown }, name };
      },
    };
  }
  return {
    ...known ?? { classes: countClasses(entries) },
    annotated: sizeOf(entries),
    find: entryFinder(entries, images, subject),
  };
}

type Entries = ImageClassesFile["entries"];

function sizeOf(entries: Entries): number {
  return "size" in entries ? entries.size : entries.length;
}

function countClasses(entries: Entries): number {
  let classes = 0;
  for (const { present, unknown } of entries.values()) {
    for (const label of [...present, ...unknown]) classes = Math.max(classes, label + 1);
  }
  return classes;
}

function entryFinder(entries: Entries, images: JoinedImages, subject: string): MultiLabels["find"] {
  if (!("size" in entries)) {
    const classesOf = listFinder(entries, images, subject);
    return (image) => ({ classes: classesOf(image) });
  }
  return ({ key }) => {
    const name = entries.has(key) ? key : basename(key);
    const classes = entries.get(name);
    return classes && { classes, name };
  };
}

/**
 * Finds what lists have of an image: by its name in ImageNet's validation set, or by its place.
 *
 * @param lists The lists.
 * @param images The images.
 * @param subject What is being done, for messages.
 * @returns What is listed of an image; it throws a TypeError if nothing is.
 * @throws {TypeError} If there are not as many lists as images.
 */
export function listFinder<T>(
  lists: readonly T[],
  { count, first }: JoinedImages,
  subject: string,
): (image: { readonly index: number; readonly key: string }) => T {
  if (validationIndex(first) === undefined) {
    if (lists.length !== count) {
      throw new TypeError(
        `${subject}: it has ${formatNumberOf(lists.length, "list")}, the data set ${formatNumberOf(count, "image")}`,
      );
    }
    return ({ index }) => lists[index];
  }
  return ({ key }) => {
    const index = validationIndex(key);
    if (index === undefined) {
      throw new TypeError(`${subject}: "${key}" is not called ILSVRC2012_val_ and a number, as "${first}" is`);
    }
    if (lists[index] === undefined) {
      throw new TypeError(`${subject}: it has ${formatNumberOf(lists.length, "list")}, none for "${key}"`);
    }
    return lists[index];
  };
}
