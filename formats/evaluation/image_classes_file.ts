/**
 * Reading what a file says of the classes of images. An object is gone through one value at a time: COCO's annotations may be
 * longer than the longest text, and what is read of them is a small part.
 *
 * @module
 */

import { readJsonFile, withSubject } from "../base/files.ts";
import { readJsonElements } from "../base/json_elements.ts";
import { cocoRow } from "./coco.ts";
import { type ImageClassesFile, type ImageClassesOptions, parseImageClasses } from "./image_classes.ts";

/** Bytes in which what a file begins with is found. */
const HEAD = 64;

/**
 * Reads and checks what a file says of images.
 *
 * @param path The file.
 * @param options As for {@linkcode parseImageClasses}.
 * @returns The classes of the images.
 * @throws {TypeError} If it is something else, or an index is beyond the classes.
 * @throws {Error} If it cannot be read.
 */
export async function readImageClasses(path: string, options: ImageClassesOptions): Promise<ImageClassesFile> {
  const { subject } = options;
  if (!beginsAnObject(path, subject)) return parseImageClasses(await readJsonFile(path, subject), options);
  const members = new Map<string, unknown>();
  let list: unknown[] = [];
  for await (const { name, index, value } of readJsonElements(path)) {
    if (index >= 0) list.push(cocoRow(name, value));
    else if (value !== undefined) members.set(name, value);
    else members.set(name, list = []);
  }
  return parseImageClasses(Object.fromEntries(members), options);
}

function beginsAnObject(path: string, subject: string): boolean {
  using file = withSubject(subject, () => Deno.openSync(path), "there is no such file");
  const head = new Uint8Array(HEAD);
  const count = withSubject(subject, () => file.readSync(head)) ?? 0;
  return new TextDecoder().decode(head.subarray(0, count)).trimStart().startsWith("{");
}
