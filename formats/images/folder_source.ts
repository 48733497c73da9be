/**
 * A folder of class folders, or of images, read in natural order one directory at a time.
 *
 * The class of an image is the folder directly under the root that holds it, however deep; classes are those folders
 * that hold an image, in natural order, as in timm. Images directly under the root have no label. Entries of a
 * directory are sorted together, files and folders, and only one path of directories is in memory.
 *
 * @module
 */

import { basename } from "@std/path";
import { listDirectory, walkFolder, type WalkOptions } from "./folder_walk.ts";
import type { ImageRange, ImageSource, ListedImage, StoredImage } from "./source.ts";
import { createTallies, type ImageSurvey, surveyImages } from "./survey.ts";

const IMAGE_EXTENSIONS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm"];
const IMAGE_NAME = new RegExp(`\\.(${IMAGE_EXTENSIONS.join("|")})$`, "i");

/**
 * Whether a name ends as an image's does; what the file really is shows when it is decoded.
 *
 * @param name A file name.
 * @returns True for the usual extensions in any case.
 */
export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name);
}

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
 * Opens a folder of class folders, of images, or of both. Hidden files and folders and files without an image's
 * extension are passed over; links are followed, except one that leads back to a folder above it.
 *
 * @param path The root.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If no image is found.
 * @throws {Deno.errors.PermissionDenied} If a folder cannot be listed.
 */
export async function openImageFolder(path: string): Promise<ImageSource> {
  const root = path.replace(/(?<=.)\/+$/, "");
  const ancestors = [await Deno.realPath(root)];
  const images: WalkOptions = { isWanted: isImageName };
  const classes: string[] = [];
  let flat = 0;
  for (const entry of await listDirectory(root, ancestors, images)) {
    if (!entry.directory) flat++;
    else if (await holdsImage(walkFolder(entry.path, entry.name, [...ancestors, entry.directory], images))) {
      classes.push(entry.name);
    }
  }
  if (flat === 0 && classes.length === 0) {
    throw new Deno.errors.NotFound(
      `Cannot find images in "${path}": no file ends in .${IMAGE_EXTENSIONS.join(", .")}, ` +
        "and tar and Parquet files are looked for only directly in the folder",
    );
  }
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

  let surveyed: Promise<ImageSurvey> | undefined;
  const survey = () => {
    const passedOver = createTallies();
    return surveyed ??= surveyImages(
      list({}, { ...images, onPassedOver: passedOver.add }),
      () => ({ passedOver: passedOver.list(), remarks: [] }),
    );
  };

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

async function holdsImage(files: AsyncGenerator<unknown>): Promise<boolean> {
  const first = await files.next();
  await files.return(undefined);
  return !first.done;
}
