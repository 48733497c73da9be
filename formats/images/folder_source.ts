/**
 * A folder of class folders, or of images, read in natural order one directory at a time.
 *
 * The class of an image is the folder directly under the root that holds it, however deep. Classes are these folders in
 * natural order, also those that hold no image, so that the number of a class does not depend on what can be read; if none
 * of them holds one, there are no classes. Images directly under the root have no label. Entries of a directory are sorted
 * together, files and folders, and only one path of directories is in memory.
 *
 * What an image is, `image_names.ts` says; all other files are counted.
 *
 * @module
 */

import { basename } from "@std/path";
import { failWith } from "../base/files.ts";
import { showValue } from "../base/show_value.ts";
import { listDirectory, walkFolder, type WalkOptions } from "./folder_walk.ts";
import { isImageFile } from "./image_names.ts";
import type { ImageRange, ImageSource, ImageSurvey, ListedImage, StoredImage } from "./image_source.ts";
import { createTallies, surveyImages } from "./survey.ts";

/** Names of class folders to say. */
const SHOWN_CLASSES = 5;

/**
 * A single file as a source of one image without a label.
 *
 * @param path The file.
 * @returns The source.
 */
export function openImageFile(path: string): ImageSource {
  const image = { index: 0, key: basename(path), label: null };
  const isAsked = ({ start = 0, end = Infinity }: ImageRange = {}) => start <= 0 && end > 0;
  return {
    path,
    description: "a single file",
    classes: null,
    count: () => Promise.resolve(1),
    async *read(range?: ImageRange): AsyncGenerator<StoredImage> {
      if (isAsked(range)) yield { ...image, bytes: { path } };
    },
    async *list(range?: ImageRange): AsyncGenerator<ListedImage> {
      if (isAsked(range)) yield { ...image, path, unlabelled: "named alone", place: { path } };
    },
    survey() {
      return surveyImages(this.list());
    },
  };
}

/**
 * Opens a folder of class folders, of images, or of both. Hidden files and folders and files that are no
 * images are passed over; links are followed, except one that leads back to a folder above it.
 *
 * @param path The root.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If no image is found.
 * @throws {Error} If a folder cannot be listed; of the class that the system's error has.
 */
export async function openImageFolder(path: string): Promise<ImageSource> {
  const root = path.replace(/(?<=.)\/+$/, "");
  const ancestors = [await Deno.realPath(root).catch(failWith(`Cannot list folder "${root}"`))];
  const images: WalkOptions = { isWanted: isImageFile };
  const entries = await listDirectory(root, ancestors, images);
  const folders = entries.flatMap(({ name, path, directory }) => directory === null ? [] : [{ name, path, directory }]);
  const flat = entries.length - folders.length;
  let isFlat = true;
  for (const { name, path, directory } of folders) {
    isFlat = !await holdsImage(walkFolder(path, name, [...ancestors, directory], images));
    if (!isFlat) break;
  }
  if (isFlat && flat === 0) throw await noImages(path, (options) => walkFolder(root, "", ancestors, options));
  const classes = isFlat ? [] : folders.map(({ name }) => name);
  const labels = new Map(classes.map((name, label) => [name, label]));

  async function* list(
    { start = 0, end = Infinity }: ImageRange = {},
    options = images,
  ): AsyncGenerator<ListedImage> {
    let index = 0;
    for await (const { key, path } of walkFolder(root, "", ancestors, options)) {
      if (index >= end) return;
      if (index >= start) {
        const slash = key.indexOf("/");
        const label = slash < 0 ? null : labels.get(key.slice(0, slash)) ?? null;
        const why = label === null ? { unlabelled: "in no class folder" } : {};
        yield { index, key, label, ...why, path, place: { path } };
      }
      index++;
    }
  }

  async function makeSurvey(): Promise<ImageSurvey> {
    const passedOver = createTallies();
    const empty = new Set(labels.values());
    async function* counted(): AsyncGenerator<ListedImage> {
      for await (const image of list({}, { ...images, onPassedOver: passedOver.add })) {
        if (image.label !== null) empty.delete(image.label);
        yield image;
      }
    }
    const remarks = () => empty.size === 0 ? [] : [emptyClasses([...empty].map((label) => classes[label]))];
    return await surveyImages(counted(), () => ({ passedOver: passedOver.list(), remarks: remarks() }));
  }

  let surveyed: Promise<ImageSurvey> | undefined;
  const survey = () => surveyed ??= makeSurvey();
  return {
    path,
    description: describe(classes.length, flat),
    classes: classes.length > 0 ? classes : null,
    count: async () => (await survey()).images,
    async *read(range?: ImageRange): AsyncGenerator<StoredImage> {
      for await (const { index, key, label, path } of list(range)) yield { index, key, label, bytes: { path } };
    },
    list: (range) => list(range),
    survey,
  };
}

function describe(classes: number, flat: number): string {
  if (classes === 0) return "a flat folder";
  const folders = `${classes} class folder${classes === 1 ? "" : "s"}`;
  return flat === 0 ? folders : `${folders} and, without a label, beside them`;
}

function emptyClasses(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_CLASSES).map((name) => showValue(name));
  const more = names.length > shown.length ? [`${names.length - shown.length} more`] : [];
  const which = [...shown, ...more].join(", ");
  return names.length === 1
    ? `Class folder ${which} holds no image, and is counted as a class`
    : `${names.length} class folders hold no image, and are counted as classes: ${which}`;
}

/** What to say of a folder without images: what else is in it. */
async function noImages(path: string, walk: (options: WalkOptions) => AsyncIterable<unknown>): Promise<Error> {
  const passedOver = createTallies();
  // Nothing is wanted of it any more: all is told.
  for await (const _ of walk({ isWanted: () => false, onPassedOver: passedOver.add }));
  const found = passedOver.list().map(({ what, count }) => `${count} ${what}`);
  const what = found.length === 0
    ? "it is empty"
    : `no file is one by its name or its first bytes (${found.join(", ")})`;
  return new Deno.errors.NotFound(
    `Cannot find images in "${path}": ${what}, and tar and Parquet files are looked for only directly in the folder`,
  );
}

async function holdsImage(files: AsyncGenerator<unknown>): Promise<boolean> {
  const first = await files.next();
  await files.return(undefined);
  return !first.done;
}
