/**
 * Boxes of things in images, as a CSV table: `key,class,top,left,height,width`.
 *
 * @module
 */

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

/**
 * What an image is called in a table of boxes.
 *
 * @param key Its key, with or without an extension.
 * @returns The key without extension.
 */
export function boxKey(key: string): string {
  return isImageName(key) || isPublishedName(key) ? key.slice(0, key.lastIndexOf(".")) : key;
}

/** The fields of a line; a quoted one may hold commas, and quotes written twice. */
function fields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted?.replaceAll('""', '"') ?? plain.trim()
  );
}
