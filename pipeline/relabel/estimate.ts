/**
 * How long label maps of all images take on this adapter, and how large they are: from the first ones, which are labelled
 * and written as always, into a folder that is then removed.
 *
 * @module
 */

import type { ImageSource } from "../../formats/images/mod.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";
import type { LoadedAnnotator } from "../model/load_annotator.ts";
import { writeLabelMaps, type WriteOptions } from "./write_label_maps.ts";

/** What was measured, and what follows for all images. */
export interface Estimate {
  /** Images that were labelled to find out. */
  readonly measured: number;
  readonly images: number;
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** Batches that are labelled; in the first one kernels are compiled and workers started, and it does not count. */
const BATCHES = 4;

/**
 * Labels the first images, and reckons with them.
 *
 * @param source All images.
 * @param annotator What labels them.
 * @param options As they will be labelled.
 * @returns The estimate; undefined if the signal ended it, or there are no images.
 * @throws {Error} As {@linkcode writeLabelMaps}.
 */
export async function estimateLabelMaps(
  source: ImageSource,
  annotator: LoadedAnnotator,
  { limit = Infinity, rowsPerFile = DEFAULT_ROWS_PER_FILE, strict, workers, signal }: WriteOptions,
): Promise<Estimate | undefined> {
  const images = Math.min(await source.count(), limit);
  const { batch } = annotator;
  const folder = await Deno.makeTempDir();
  /** At what time how many images were done. */
  const times: (readonly [done: number, milliseconds: number])[] = [];
  try {
    const { manifest, stopped, done } = await writeLabelMaps(folder, source, annotator, {
      limit: Math.min(images, BATCHES * batch),
      // A full part and a shorter one tell what a row takes and what a file takes.
      rowsPerFile: Math.min(rowsPerFile, (BATCHES - 1) * batch),
      strict,
      workers,
      signal,
      onProgress: ({ done }) => times.push([done, performance.now()]),
    });
    if (stopped || done === 0) return undefined;
    const imagesPerSecond = speedOf(times, batch);
    return {
      measured: done,
      images,
      imagesPerSecond,
      seconds: images / imagesPerSecond,
      bytes: bytesOf(manifest.parts, images, rowsPerFile),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Images per second after the first batch; of all where there is no other. */
function speedOf(times: readonly (readonly [done: number, milliseconds: number])[], batch: number): number {
  const [last, end] = times[times.length - 1];
  const [first, start] = times.findLast(([done]) => done === (last > batch ? batch : 0)) ?? times[0];
  return (last - first) / Math.max(end - start, 1e-3) * 1000;
}

/** Bytes of all part files: what they have in common with one of few rows, and what each row takes. */
function bytesOf(
  parts: readonly { readonly rows: number; readonly bytes: number }[],
  images: number,
  rowsPerFile: number,
): number {
  const [first, last] = [parts[0], parts[parts.length - 1]];
  const difference = (first.bytes - last.bytes) / (first.rows - last.rows);
  const row = difference > 0 ? difference : first.bytes / Math.max(first.rows, 1);
  const file = difference > 0 ? Math.max(first.bytes - row * first.rows, 0) : 0;
  return Math.ceil(images / rowsPerFile) * file + images * row;
}
