/**
 * Images of a source, or rows of label maps, with their sizes in bytes: what a run that goes on compares.
 *
 * @module
 */

import type { ImageRange, ImageSource, ListedImage } from "../../formats/images/mod.ts";
import type { LabelMaps } from "../../formats/labels/mod.ts";
import { fileError } from "../../formats/base/files.ts";
import type { ListedSourceImage } from "./part_folder.ts";

/** Files whose sizes are asked for together: a file server answers them so in the time of one. */
const ASKED_TOGETHER = 64;

/**
 * Lists images.
 *
 * @param source The source of the images.
 * @param range The positions to list.
 * @returns Key, label, bytes and file of each, in order. Where an image's own bytes are not known without reading it, they
 *   are those of the file that holds it.
 */
export async function* listImages(source: ImageSource, range?: ImageRange): AsyncGenerator<ListedSourceImage> {
  let waiting: ListedImage[] = [];
  let last: { path: string; bytes: Promise<number | null> } | undefined;
  const bytesOf = ({ path, place }: ListedImage): number | Promise<number | null> => {
    if (place && "path" in place && place.range) return place.range.length;
    // Many images of one shard, one after the other.
    if (last?.path !== path) last = { path, bytes: sizeOf(path) };
    return last.bytes;
  };
  async function sized(): Promise<ListedSourceImage[]> {
    const images = waiting;
    waiting = [];
    const bytes = await Promise.all(images.map(bytesOf));
    return images.map(({ key, label, path }, place) => ({ key, label, path, bytes: bytes[place] }));
  }
  for await (const image of source.list(range)) {
    waiting.push(image);
    if (waiting.length === ASKED_TOGETHER) yield* await sized();
  }
  yield* await sized();
}

/**
 * Lists rows of label maps as the images that they are of; bytes are those of the file that holds the row.
 *
 * @param labelMaps The rows.
 * @param range The positions to list.
 * @returns Key, label, bytes and file of each, in order.
 */
export async function* listRows(labelMaps: LabelMaps, range?: ImageRange): AsyncGenerator<ListedSourceImage> {
  let last: { path: string; bytes: number | null } | undefined;
  for await (const row of labelMaps.list(range)) {
    if (last?.path !== row.path) last = { path: row.path, bytes: await sizeOf(row.path) };
    yield { ...row, bytes: last.bytes };
  }
}

/**
 * Bytes of a file.
 *
 * @param path The file.
 * @returns Its size; null if it is gone, or a link that leads nowhere: reading it tells.
 * @throws {Error} If it cannot be looked at.
 */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (leadsNowhere(error)) return null;
    throw fileError(`Cannot look at "${path}"`, error);
  }
}

/** Whether an error says that there is no file, or a link that leads nowhere; others may be over the next time. */
export function leadsNowhere(error: unknown): boolean {
  const kinds = [Deno.errors.NotFound, Deno.errors.FilesystemLoop, Deno.errors.NotADirectory];
  return kinds.some((Kind) => error instanceof Kind);
}
