/**
 * Images of other classes, to fine-tune students on: those of a miniature's images that show one object, in folders of their
 * shape, plain and striped ones together.
 *
 * @module
 */

import { join } from "@std/path";
import { isFileThere, makeFolder, readText, replaceFile, withSubject } from "../../formats/base/files.ts";

/**
 * Sorts images by other classes.
 *
 * @param split A split's folder, as `deno task scenes` lays it out.
 * @param folder Where images go, `<class>/<name>`; those that are there are kept.
 * @param classOf The other class of an image by the name of its folder.
 * @returns How many there are.
 * @throws {Error} If something cannot be read or written.
 */
export function writeTransferTarget(split: string, folder: string, classOf: (name: string) => string): number {
  const counts = new Map<string, number>();
  const [, ...lines] = readText(join(split, "boxes.csv")).trimEnd().split("\n");
  for (const line of lines) {
    const key = line.slice(0, line.indexOf(","));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const keys = [...counts].filter(([, objects]) => objects === 1).map(([key]) => key);
  for (const key of keys) {
    const [name, file] = key.split("/");
    const place = join(folder, classOf(name));
    const path = join(place, file);
    if (isFileThere(path)) continue;
    makeFolder(place, `Cannot write images to "${folder}"`);
    const from = join(split, "images", key);
    replaceFile(path, [withSubject(`Cannot read "${from}"`, () => Deno.readFileSync(from))]);
  }
  return keys.length;
}
