/**
 * A data set as large as wanted, made of the photographs.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { PHOTOGRAPHS } from "./default_annotator.ts";

/**
 * Repeats the photographs: each is copied once and linked as often as needed, so that the disk does not fill.
 *
 * @param count Images.
 * @returns A temporary folder with the same class folders; remove it when done.
 */
export function photographCopies(count: number): string {
  const folder = Deno.makeTempDirSync({ prefix: "photographs-" });
  const keys = [...Deno.readDirSync(PHOTOGRAPHS)].filter(({ isDirectory }) => isDirectory).flatMap(({ name }) =>
    [...Deno.readDirSync(join(PHOTOGRAPHS, name))].map((file) => `${name}/${file.name}`)
  ).sort();
  const pathOf = (key: string, copy: number) => join(folder, dirname(key), `${copy}-${basename(key)}`);
  for (let index = 0; index < count; index++) {
    const key = keys[index % keys.length];
    const copy = Math.floor(index / keys.length);
    if (copy > 0) Deno.linkSync(pathOf(key, 0), pathOf(key, copy));
    else {
      Deno.mkdirSync(join(folder, dirname(key)), { recursive: true });
      Deno.copyFileSync(join(PHOTOGRAPHS, key), pathOf(key, 0));
    }
  }
  return folder;
}
