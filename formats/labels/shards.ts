/**
 * How the parts of a folder are shared between the processes that fill it.
 *
 * @module
 */

import { fileError, readInto } from "../base/files.ts";
import { imageCount, type Manifest, parseManifest, type Shard, shardParts } from "./manifest.ts";

/** A manifest without the names of classes, which are most of its bytes: a thousand times 21,000 of them are a gigabyte. */
export type ManifestHead = Omit<Manifest, "classes" | "dataSetClasses">;

/** Bytes that are read of a manifest at first: a few hundred parts. */
const FIRST_BYTES = 1 << 16;

/**
 * Takes a manifest's text apart.
 *
 * @param text Text of the manifest, or its beginning.
 * @returns What goes up to the last part, as a manifest of its own, and the rest; undefined if the parts do not end in it,
 *   or are not written as `formatManifest` does.
 */
export function splitManifest(text: string): { head: string; rest: string } | undefined {
  const start = /\n"parts": \[/.exec(text);
  if (!start) return undefined;
  const list = start.index + start[0].length;
  const end = text[list] === "]" ? list + 1 : text.indexOf("\n]", list) + 2;
  if (end < list || end > text.length) return undefined;
  return { head: `${text.slice(0, end)}\n}\n`, rest: text.slice(end) };
}

/**
 * Reads a manifest as far as its last part.
 *
 * @param path The file.
 * @returns The manifest without its parts and names, or undefined if there is no such file.
 * @throws {TypeError | RangeError} If it is not a valid manifest.
 */
export function readManifestHead(path: string): ManifestHead | undefined {
  try {
    using file = Deno.openSync(path);
    const { size } = file.statSync();
    for (let length = FIRST_BYTES;; length *= 4) {
      const text = readBeginning(file, Math.min(length, size));
      const split = splitManifest(text);
      if (split || length >= size) return parseManifest(split?.head ?? text, path);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof TypeError || error instanceof RangeError) throw error;
    throw fileError(`Cannot read manifest "${path}"`, error);
  }
}

function readBeginning(file: Deno.FsFile, length: number): string {
  const bytes = new Uint8Array(length);
  file.seekSync(0, Deno.SeekMode.Start);
  return new TextDecoder().decode(bytes.subarray(0, readInto(file, bytes)));
}

/**
 * How many shards a folder has.
 *
 * @param names Names of the files in it.
 * @param subject How the message starts.
 * @returns The number in the names of manifests and locks of shards, undefined if there are none.
 * @throws {TypeError} If they are of different numbers.
 */
export function shardCount(names: readonly string[], subject: string): number | undefined {
  const counts = new Set(names.flatMap((name) => {
    const match = /^\.?manifest-\d+-of-(\d+)\.(json|lock)$/.exec(name);
    return match ? [Number(match[1])] : [];
  }));
  if (counts.size > 1) {
    throw new TypeError(
      `${subject}: it holds manifests of ${[...counts].sort((a, b) => a - b).join(" and of ")} shards`,
    );
  }
  return [...counts][0];
}

/**
 * The images of each part of a data set, those with a row and those rejected.
 *
 * @param manifest Its manifest or a shard's, whose configuration says how many images there are.
 * @returns A number for each part.
 * @throws {TypeError} If the configuration does not say it.
 */
export function imagesOfParts({ configuration }: Pick<Manifest, "configuration">): number[] {
  const { rowsPerFile } = configuration;
  const images = imageCount(configuration);
  if (images === undefined) {
    throw new TypeError("Cannot tell the parts of a folder: its manifest does not say how many images there are");
  }
  const parts = Math.ceil(images / rowsPerFile);
  return Array.from({ length: parts }, (_, part) => Math.min(rowsPerFile, images - part * rowsPerFile));
}

/**
 * The parts that a shard writes.
 *
 * @param manifest A manifest of the folder.
 * @param shard The shard.
 * @returns Part numbers, from `start` to before `end`.
 * @throws {TypeError} If the configuration does not say how many images there are.
 */
export function partsOfShard(manifest: Pick<Manifest, "configuration">, shard: Shard): { start: number; end: number } {
  return shardParts(shard, imagesOfParts(manifest).length);
}
