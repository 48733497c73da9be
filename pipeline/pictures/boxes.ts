/**
 * Boxes of things in images: a CSV table, `key,class,top,left,height,width`, or one of the published forms.
 *
 * @module
 */

import { type ImageBoxes, openPublishedBoxes, type PixelBox } from "../../formats/boxes/mod.ts";
import { isImageName } from "../../formats/images/image_names.ts";
import { withSubject } from "../../formats/base/files.ts";
import { isPublishedName } from "../../formats/published/mod.ts";

/** Where a thing of a class is, in fractions of the image. */
export interface Box {
  /** The class. */
  readonly index: number;
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The columns of a table of boxes. */
export const BOX_COLUMNS = ["key", "class", "top", "left", "height", "width"];

/**
 * Reads a table of boxes. Columns may stand in any order, and others beside them; fields may be quoted.
 *
 * @param path The file, in CSV.
 * @param classOf Gives a class's index.
 * @returns The boxes by the key of their image without its extension.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If a column is missing, or a class is not known.
 * @throws {RangeError} If a box is not a part of the image.
 */
export function readBoxes(path: string, classOf: (text: string) => number | undefined): Map<string, Box[]> {
  const subject = `Cannot read boxes from "${path}"`;
  const text = withSubject(subject, () => Deno.readTextFileSync(path), "there is no such file");
  const lines = text.split(/\r?\n/);
  const header = fields(lines[0]);
  const positions = BOX_COLUMNS.map((name) => header.indexOf(name));
  const missing = BOX_COLUMNS.filter((_, column) => positions[column] < 0);
  if (missing.length > 0) {
    throw new TypeError(`${subject}: its header is "${lines[0]}", without ${missing.join(", ")}`);
  }
  const boxes = new Map<string, Box[]>();
  for (const [number, line] of lines.entries()) {
    if (number === 0 || line.trim() === "") continue;
    const cells = fields(line);
    const [key = "", name = "", ...numbers] = positions.map((position) => cells[position]);
    const place = `${subject}: line ${number + 1}`;
    const index = classOf(name);
    if (index === undefined) throw new TypeError(`${place} has class "${name}", which is no wnid, name or index`);
    const [top, left, height, width] = numbers.map((text) => text?.trim() ? Number(text) : NaN);
    const isPart = [[top, height], [left, width]].every(([start, length]) =>
      start >= 0 && length > 0 && start + length <= 1 + 1e-6
    );
    if (!isPart) {
      throw new RangeError(`${place} has box ${numbers.join(", ")}, expected fractions of the image from 0 to 1`);
    }
    const stem = boxKey(key);
    boxes.set(stem, [...boxes.get(stem) ?? [], { index, top, left, height, width }]);
  }
  return boxes;
}

/** Boxes by image. */
export interface BoxTable {
  /** Images that have boxes. */
  readonly images: number;
  /** The first image, as the table calls it; undefined if there is none. */
  readonly first: string | undefined;
  /** Boxes of classes that are not known here, which are left out. */
  readonly passedOver: number;
  /** Whether there are boxes of an image of this key. */
  has(key: string): boolean;
  /**
   * The boxes of an image.
   *
   * @param key The image's key, with or without its extension.
   * @param size Size of the image, pixels, for tables that do not say it.
   * @returns The boxes in fractions of the image; undefined if there are none.
   * @throws {TypeError} If they are in pixels, and neither the table nor the caller says of how many.
   */
  of(key: string, size?: { readonly width: number; readonly height: number }): readonly Box[] | undefined;
}

/**
 * Opens boxes of any form: a table as {@linkcode readBoxes} reads it, or what `openPublishedBoxes` opens. There, images are
 * found by their path, or by the file's name alone where only one image has it.
 *
 * @param path The file or folder.
 * @param classOf Gives a class's index.
 * @returns The boxes.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError | RangeError} If it cannot be understood.
 */
export async function openBoxes(path: string, classOf: (text: string) => number | undefined): Promise<BoxTable> {
  const published = openPublishedBoxes(path);
  if (!published) {
    const boxes = readBoxes(path, classOf);
    const first = boxes.keys().next().value;
    return {
      images: boxes.size,
      first,
      passedOver: 0,
      has: (key) => boxes.has(boxKey(key)),
      of: (key) => boxes.get(boxKey(key)),
    };
  }
  const images = new Map<string, ImageBoxes>();
  const byName = new Map<string, ImageBoxes | null>();
  let passedOver = 0;
  for await (const image of published) {
    const known = image.boxes.filter((box) => classOf(box.class) !== undefined);
    passedOver += image.boxes.length - known.length;
    if (known.length === 0) continue;
    const kept = { ...image, boxes: known };
    const name = baseName(image.key);
    images.set(image.key, kept);
    byName.set(name, byName.has(name) ? null : kept);
  }
  const find = (key: string) => images.get(boxKey(key)) ?? byName.get(baseName(boxKey(key)));
  return {
    images: images.size,
    first: images.keys().next().value,
    passedOver,
    has: (key) => (find(key) ?? null) !== null,
    of(key, size) {
      const image = find(key);
      if (!image) return undefined;
      const pixels = image.size ?? size;
      if (!pixels) {
        throw new TypeError(`Cannot use boxes "${path}": they are in pixels, and the size of "${key}" is not known`);
      }
      return image.boxes.flatMap((box) => partOf(box, classOf(box.class)!, pixels));
    },
  };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What of a box is in the image; none if nothing is. */
function partOf(
  { left, top, right, bottom }: PixelBox,
  index: number,
  { width, height }: { readonly width: number; readonly height: number },
): Box[] {
  const within = (value: number, side: number) => Math.min(Math.max(value / side, 0), 1);
  const [x, y] = [within(left, width), within(top, height)];
  const part = { index, top: y, left: x, height: within(bottom, height) - y, width: within(right, width) - x };
  return part.height > 0 && part.width > 0 ? [part] : [];
}

/**
 * What an image is called in a table of boxes.
 *
 * @param key Its key, with or without an extension.
 * @returns The key without extension.
 */
function boxKey(key: string): string {
  return isImageName(key) || isPublishedName(key) ? key.slice(0, key.lastIndexOf(".")) : key;
}

/** The fields of a line; a quoted one may hold commas, and quotes written twice. */
function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted?.replaceAll('""', '"') ?? plain.trim()
  );
}
