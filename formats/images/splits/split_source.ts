/**
 * A split of a published data set as a source of images: `food-101:train`.
 *
 * A folder that is laid out as one of {@linkcode SPLIT_LAYOUTS} is opened with one of its splits and not without: its class
 * folders, where it has some, are of all splits together.
 *
 * @module
 */

import { fileError } from "../../base/files.ts";
import { showValue } from "../../base/show_value.ts";
import type { ImageRange, ImageSource, ListedImage, StoredImage } from "../image_source.ts";
import { surveyImages } from "../survey.ts";
import { DTD } from "./dtd.ts";
import { FGVC_AIRCRAFT } from "./fgvc_aircraft.ts";
import { FOOD_101 } from "./food101.ts";
import { OXFORD_PETS } from "./oxford_pets.ts";
import type { SplitLayout } from "./split_layout.ts";
import { STANFORD_CARS } from "./stanford_cars.ts";

/** The data sets that are known. */
const SPLIT_LAYOUTS: readonly SplitLayout[] = [FOOD_101, STANFORD_CARS, DTD, FGVC_AIRCRAFT, OXFORD_PETS];

/** A data set that a folder holds. */
export interface FoundLayout {
  /** The folder, without a slash at its end. */
  readonly root: string;
  readonly layout: SplitLayout;
  /** Which of the layout's forms it has. */
  readonly form: number;
}

/** A split that a path names. */
export interface FoundSplit extends FoundLayout {
  readonly split: string;
}

/**
 * Looks whether a folder is laid out as a data set that is known.
 *
 * @param path The folder.
 * @returns The data set; undefined if it is none.
 * @throws {Error} If it cannot be looked at.
 */
export async function findLayout(path: string): Promise<FoundLayout | undefined> {
  const root = path.replace(/(?<=.)\/+$/, "");
  const isThere = async (name: string) => {
    try {
      await Deno.stat(`${root}/${name}`);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw fileError(`Cannot open images "${path}"`, error);
    }
  };
  for (const layout of SPLIT_LAYOUTS) {
    for (const [form, names] of layout.forms.entries()) {
      if ((await Promise.all(names.map(isThere))).every(Boolean)) return { root, layout, form };
    }
  }
  return undefined;
}

/**
 * Looks whether a path, of which there is no file, is a folder with the name of a split: `food-101:train`.
 *
 * @param path The path.
 * @returns The split; undefined if what is before the colon is no folder.
 * @throws {TypeError} If the folder is laid out as no data set that is known, or that has no such split.
 */
export async function findSplit(path: string): Promise<FoundSplit | undefined> {
  const colon = path.lastIndexOf(":");
  const [folder, split] = [path.slice(0, Math.max(colon, 0)), path.slice(colon + 1)];
  const info = folder === "" ? undefined : await Deno.stat(folder).catch(() => undefined);
  if (!info?.isDirectory) return undefined;
  const found = await findLayout(folder);
  if (!found) {
    const known = SPLIT_LAYOUTS.map(({ name }) => name).join(", ");
    throw new TypeError(
      `Cannot open images "${path}": "${folder}" is not laid out as a data set whose splits are known: ${known}`,
    );
  }
  const { splits, otherSplits } = found.layout;
  if (splits.includes(split) || otherSplits?.test(split)) return { ...found, split };
  throw new TypeError(
    `Cannot open images "${path}": ${found.layout.name} has no split ${showValue(split)}, it has ${splits.join(", ")}`,
  );
}

/**
 * The message for a folder that is opened without one of its splits.
 *
 * @param path The folder.
 * @param layout What it is laid out as.
 * @returns The error.
 */
export function splitNeeded(path: string, { name, splits }: SplitLayout): TypeError {
  return new TypeError(
    `Cannot open images "${path}": it is laid out as ${name}, of which a split is read: ` +
      splits.map((split) => `"${path}:${split}"`).join(", "),
  );
}

/** What of a key would lead out of the folder, or is none. */
const OUTSIDE = /^\/|(?:^|\/)\.{0,2}(?:\/|$)|[\\\0]/;

/**
 * Opens a split.
 *
 * @param path What the user named it by.
 * @param found The split.
 * @returns The source; an image that is listed and not there is found out when it is read.
 * @throws {TypeError} If a list cannot be understood, names an image twice, or one outside of the folder.
 * @throws {Error} If a list cannot be read.
 */
export async function openSplit(path: string, { root, layout, form, split }: FoundSplit): Promise<ImageSource> {
  const { classes, images } = await layout.read(root, split, form);
  const subject = `Cannot open images "${path}"`;
  const seen = new Set<string>();
  for (const { key } of images) {
    if (OUTSIDE.test(key)) {
      throw new TypeError(`${subject}: it lists ${showValue(key)}, which is no path under the folder`);
    }
    if (seen.has(key)) throw new TypeError(`${subject}: it lists ${showValue(key)} twice`);
    seen.add(key);
  }
  if (images.length === 0) throw new TypeError(`${subject}: it lists no image`);

  const placed = ({ start = 0, end = Infinity }: ImageRange = {}) =>
    images.slice(Math.max(start, 0), end).map((image, place) => ({
      ...image,
      index: Math.max(start, 0) + place,
      path: `${root}/${image.key}`,
    }));
  async function* list(range?: ImageRange): AsyncGenerator<ListedImage> {
    for (const image of placed(range)) yield { ...image, place: { path: image.path } };
  }
  return {
    path,
    description: `split ${split} of ${layout.name}`,
    classes,
    count: () => Promise.resolve(images.length),
    async *read(range?: ImageRange): AsyncGenerator<StoredImage> {
      for (const { index, key, label, path } of placed(range)) yield { index, key, label, bytes: { path } };
    },
    list,
    survey: () => surveyImages(list()),
  };
}
