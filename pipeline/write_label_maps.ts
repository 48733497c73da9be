/**
 * From a source to a folder of label maps, part by part; a run that stopped goes on where it was.
 *
 * @module
 */

import { type ImageSource, openDecodePool, type StoredImage } from "../formats/images/mod.ts";
import {
  isPartOfShard,
  type LabelMapConfiguration,
  type LabelMapFolder,
  type Manifest,
  openLabelMapFolder,
  type PartWriter,
  type Shard,
} from "../formats/labels/mod.ts";
import project from "../deno.json" with { type: "json" };
import type { LoadedAnnotator } from "./annotator.ts";
import { dataSetClassNames } from "./class_names.ts";
import { defaultWorkers, labelImages, type LabelledImage, type StepTimes } from "./label_images.ts";

/** How to fill a folder. */
export interface WriteOptions {
  /** Images a part; default 1,000. What is lost by a kill is at most one part. */
  readonly rowsPerFile?: number;
  /** Only the source's first images. */
  readonly limit?: number;
  /** The share of the parts that this process writes. */
  readonly shard?: Shard;
  /** Whether an image that cannot be decoded stops the run; default false. */
  readonly strict?: boolean;
  /** Workers that decode. */
  readonly workers?: number;
  /** Stops the run; parts that are not whole are discarded. */
  readonly signal?: AbortSignal;
  /** Called for each image, and once before the first. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** How far a run is. */
export interface WriteProgress {
  /** Images that have a row or were rejected, with those of earlier runs. */
  readonly done: number;
  /** Those of them that earlier runs did. */
  readonly before: number;
  /** Images this process is to do, with those of earlier runs. */
  readonly total: number;
  /** Images without a row, with those of earlier runs. */
  readonly rejected: number;
}

/** What a run did. */
export interface WriteResult extends WriteProgress {
  /** What the folder's manifest, or this shard's, says now. */
  readonly manifest: Manifest;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** Milliseconds, by what was waited for. */
  readonly times: StepTimes & { write: number };
}

/** Images a part, unless asked for otherwise. */
export const DEFAULT_ROWS_PER_FILE = 1000;

/**
 * Writes the label maps of a source into a folder.
 *
 * The folder's bytes depend on the source, the annotator and its adapter, `rowsPerFile` and `limit`: not on workers,
 * batch, the number of shards, or how often the run was killed and started again.
 *
 * @param path The folder; it is made, or gone on with.
 * @param source The images.
 * @param annotator What labels them.
 * @param options What to change.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration.
 * @throws {Error} If an image cannot be decoded and `strict` is set, or the source has fewer images than it said.
 */
export async function writeLabelMaps(
  path: string,
  source: ImageSource,
  annotator: LoadedAnnotator,
  options: WriteOptions = {},
): Promise<WriteResult> {
  const { rowsPerFile = DEFAULT_ROWS_PER_FILE, limit = Infinity, shard, workers = defaultWorkers() } = options;
  const images = Math.min(await source.count(), limit);
  const folder = openLabelMapFolder(path, await configurationOf(source, annotator, { rowsPerFile, images }), {
    shard,
    classes: annotator.classNames,
    dataSetClasses: await dataSetClassNames(source.classes),
  });
  try {
    const pool = openDecodePool(workers);
    try {
      return await fill(folder, source, { ...options, images, rowsPerFile, shard }, (stored, times) => {
        return labelImages(stored, annotator, { pool, workers, times });
      });
    } finally {
      pool.close();
    }
  } finally {
    folder.close();
  }
}

/**
 * Everything that the bytes of a folder depend on. Where a data set is stored is not among it, so that it may be moved;
 * its number of images and its first and last key tell another one.
 */
async function configurationOf(
  source: ImageSource,
  { metadata, capabilities, storage }: LoadedAnnotator,
  { rowsPerFile, images }: { rowsPerFile: number; images: number },
): Promise<LabelMapConfiguration> {
  return {
    metadata,
    rowsPerFile,
    source: { images, firstKey: await keyAt(source, 0), lastKey: await keyAt(source, images - 1) },
    engine: {
      version: `${project.name.replace(/^.*\//, "")} ${project.version}`,
      adapter: capabilities.adapter,
      profile: capabilities.profile,
      storage,
    },
  };
}

async function keyAt(source: ImageSource, index: number): Promise<string | null> {
  for await (const { key } of source.read({ start: index, end: index + 1 })) return key;
  return null;
}

type FillOptions = WriteOptions & { images: number; rowsPerFile: number };

async function fill(
  folder: LabelMapFolder,
  source: ImageSource,
  options: FillOptions,
  label: (stored: AsyncIterable<StoredImage>, times: StepTimes) => AsyncGenerator<LabelledImage>,
): Promise<WriteResult> {
  const { images, rowsPerFile, shard, strict, signal, onProgress } = options;
  const sizeOf = (part: number) => Math.min(images - part * rowsPerFile, rowsPerFile);
  const missing: number[] = [];
  let total = 0;
  for (let part = 0; part * rowsPerFile < images; part++) {
    if (!isPartOfShard(part, shard)) continue;
    total += sizeOf(part);
    if (!folder.finishedParts.has(part)) missing.push(part);
  }
  const before = total - missing.reduce((sum, part) => sum + sizeOf(part), 0);
  let rejected = folder.manifest().parts.reduce((sum, part) => sum + part.rejected, 0);
  let done = before;
  let stopped = false;
  const times = { decode: 0, annotate: 0, write: 0 };
  onProgress?.({ done, before, total, rejected });

  let open: { part: number; writer: PartWriter; left: number } | undefined;
  const write = (image: LabelledImage): void => {
    const part = Math.floor(image.index / rowsPerFile);
    open ??= { part, writer: folder.startPart(part), left: sizeOf(part) };
    if ("row" in image) open.writer.append(image.row);
    else open.writer.reject(image);
    if (--open.left > 0) return;
    open.writer.finish();
    open = undefined;
  };
  for await (const image of label(readParts(source, missing, { rowsPerFile, images }), times)) {
    if (strict && "reason" in image) throw new Error(`Cannot relabel "${image.key}": ${image.reason}`);
    const start = performance.now();
    write(image);
    times.write += performance.now() - start;
    done++;
    if ("reason" in image) rejected++;
    onProgress?.({ done, before, total, rejected });
    stopped = done < total && (signal?.aborted ?? false);
    if (stopped) break;
  }
  if (!stopped && done < total) {
    throw new Error(`Cannot finish label maps in "${folder.path}": the source gave ${done} of ${total} images`);
  }
  return { done, before, total, rejected, manifest: folder.manifest(), stopped, times };
}

/** The images of some parts, those of consecutive parts in one go. */
async function* readParts(
  source: ImageSource,
  parts: readonly number[],
  { rowsPerFile, images }: { rowsPerFile: number; images: number },
): AsyncGenerator<StoredImage> {
  for (let first = 0; first < parts.length;) {
    let end = first + 1;
    while (end < parts.length && parts[end] === parts[end - 1] + 1) end++;
    yield* source.read({
      start: parts[first] * rowsPerFile,
      end: Math.min((parts[end - 1] + 1) * rowsPerFile, images),
    });
    first = end;
  }
}
