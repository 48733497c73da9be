/**
 * From the name of a label file to its image.
 *
 * @module
 */

import { decodeImage } from "../../formats/images/mod.ts";
import { withSubject } from "../../formats/base/files.ts";
import { isImageName } from "../../formats/images/image_names.ts";

/** An image on disk. */
export interface FoundImage {
  readonly path: string;
  /** Path under the folder, `/`-separated. */
  readonly key: string;
}

/** Finds the image of a path without its extension, as {@linkcode imageFinder} says. */
export type ImageFinder = (stem: string) => FoundImage;

/**
 * Prepares to find images in a folder. The names of one directory are kept, which files in order share.
 *
 * @param root The folder.
 * @returns A function that finds the image of a path under the folder without its extension. It throws
 *   Deno.errors.NotFound if there is none, and a TypeError if there are several.
 */
export function imageFinder(root: string): ImageFinder {
  let folder: string | undefined;
  let names = new Map<string, string[]>();

  function list(wanted: string): void {
    names = new Map();
    for (const { name, isDirectory } of Deno.readDirSync(`${root}/${wanted}`)) {
      if (isDirectory || !isImageName(name)) continue;
      const stem = name.slice(0, name.lastIndexOf("."));
      names.set(stem, [...names.get(stem) ?? [], name]);
    }
    folder = wanted;
  }

  return (stem) => {
    const slash = stem.lastIndexOf("/") + 1;
    const subject = `Cannot find the image of "${stem}" in "${root}"`;
    if (stem.slice(0, slash) !== folder) withSubject(subject, () => list(stem.slice(0, slash)));
    const found = names.get(stem.slice(slash)) ?? [];
    if (found.length === 0) throw new Deno.errors.NotFound(`${subject}: there is no image of that name`);
    if (found.length > 1) throw new TypeError(`${subject}: there are ${found.sort().join(" and ")}`);
    const key = stem.slice(0, slash) + found[0];
    return { key, path: `${root}/${key}` };
  };
}

/**
 * Decodes an image on disk.
 *
 * @param image The image.
 * @returns The decoded image.
 * @throws {Error} If it cannot be read or decoded.
 */
export async function readImage({ path }: FoundImage) {
  return await decodeImage(await Deno.readFile(path));
}
