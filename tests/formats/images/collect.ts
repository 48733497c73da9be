/**
 * What tests ask of a source, in one line each.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { ImageRange, ImageSource, StoredImage } from "../../../formats/images/mod.ts";

/** All images of a range. */
export async function collect(source: ImageSource, range?: ImageRange): Promise<StoredImage[]> {
  return await Array.fromAsync(source.read(range));
}

/**
 * Compares what a source gives in every range, and lists, with the whole of it; in a fresh one each, so that nothing known
 * from before helps.
 */
export async function assertRanges(open: () => Promise<ImageSource>): Promise<StoredImage[]> {
  const whole = await collect(await open());
  assertEquals(await (await open()).count(), whole.length);
  const listed = await Array.fromAsync((await open()).list());
  assertEquals(
    listed.map(({ index, key, label }) => ({ index, key, label })),
    whole.map(({ index, key, label }) => ({ index, key, label })),
  );
  for (let start = 0; start <= whole.length; start++) {
    const source = await open();
    assertEquals(await collect(source, { start, end: start + 2 }), whole.slice(start, start + 2));
    await source.count();
    assertEquals(await collect(source, { start }), whole.slice(start));
  }
  return whole;
}

/** `key label` of all images of a range. */
export async function list(source: ImageSource, range?: ImageRange): Promise<string[]> {
  return (await collect(source, range)).map(({ key, label }) => `${key} ${label}`);
}

/** The encoded image, where the source has it in hand. */
export function bytesOf({ key, bytes }: StoredImage): Uint8Array<ArrayBuffer> {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(`${key} is given as ${JSON.stringify(bytes)}`);
}

/** Why the source could not give an image. */
export function reasonOf({ key, bytes }: StoredImage): string {
  if ("unreadable" in bytes) return bytes.unreadable;
  throw new TypeError(`${key} is readable`);
}

/** A folder with the given files, removed at the end; a content of null makes a folder. */
export async function makeFolder(
  files: Record<string, string | Uint8Array | null>,
): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  for (const [name, content] of Object.entries(files)) {
    const target = `${path}/${name}`;
    await Deno.mkdir(content === null ? target : target.slice(0, target.lastIndexOf("/")), { recursive: true });
    if (content === null) continue;
    await Deno.writeFile(target, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
