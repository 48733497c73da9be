/**
 * From a source to a folder of label maps, part by part; a run that stopped goes on where it was.
 *
 * @module
 */

import { type ImageSource, openDecodePool, type StoredImage } from "../../formats/images/mod.ts";
import { isTurned, type LabelMapConfiguration, openLabelMapFolder, type Shard } from "../../formats/labels/mod.ts";
import type { LoadedAnnotator } from "../model/load_annotator.ts";
import { dataSetClassNames } from "../model/class_names.ts";
import type { WriteProgress } from "../command/progress.ts";
import { DEFAULT_ROWS_PER_FILE, fillFolder, type FillResult } from "../label_folder/fill_folder.ts";
import type { Span } from "../label_folder/spans.ts";
import { defaultWorkers } from "../model/default_workers.ts";
import { labelImages, type StepTimes } from "../model/label_images.ts";
import { listImages } from "../label_folder/listed_images.ts";
import { unlessAborted, untilAborted } from "../command/until_aborted.ts";
import { engineVersion } from "../command/version.ts";
import { closing } from "../../formats/base/closing.ts";

/** How a folder is filled. */
export interface WriteOptions {
  /** Images per part; default 1,000. A kill loses at most one part, and the one before it while a thread still encodes that. */
  readonly rowsPerFile?: number;
  /** Only the source's first images. */
  readonly limit?: number;
  /** The share of the parts that this process writes. */
  readonly shard?: Shard;
  /** Whether an image that cannot be decoded stops the run; default false. */
  readonly strict?: boolean;
  /** Workers that decode; default one less than there are cores. */
  readonly workers?: number;
  /** Stops the run; parts that are not whole are discarded. */
  readonly signal?: AbortSignal;
  /** Called for each image, and once before the first. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** What a run did. */
export interface WriteResult extends Omit<FillResult, "write"> {
  /** Images that this run decoded and that carry an EXIF orientation other than 1, whether they were turned or not. */
  readonly oriented: number;
  /** Milliseconds spent waiting for each part of the work. */
  readonly times: StepTimes & { write: number };
}

/**
 * Writes the label maps of a source into a folder.
 *
 * The folder's bytes depend on the source, the annotator and its adapter, `rowsPerFile` and `limit`: not on workers,
 * batch, the number of shards, or how often the run was killed and started again.
 *
 * @param path The folder; it is made, or gone on with.
 * @param source The images.
 * @param annotator What labels them.
 * @param options Size of the parts, which images, and who watches.
 * @returns How far the folder is.
 * @throws {DOMException} If the signal ended it before the folder was opened, an `AbortError`.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration, or other images are in its finished parts.
 * @throws {Error} If an image cannot be decoded and `strict` is set, or the source has fewer images than it said.
 */
export async function writeLabelMaps(
  path: string,
  source: ImageSource,
  annotator: LoadedAnnotator,
  options: WriteOptions = {},
): Promise<WriteResult> {
  const { rowsPerFile = DEFAULT_ROWS_PER_FILE, limit = Infinity, shard, workers = defaultWorkers(), signal } = options;
  const images = Math.min(await unlessAborted(source.count(), signal), limit);
  const configuration = await unlessAborted(configurationOf(source, annotator, { rowsPerFile, images }), signal);
  using folder = closing(openLabelMapFolder(path, configuration, {
    shard,
    classes: annotator.classNames,
    dataSetClasses: await dataSetClassNames(source.classes),
  }));
  using pool = closing(openDecodePool(workers, { exifOrientation: isTurned(annotator.metadata) }));
  const times = { decode: 0, annotate: 0 };
  let oriented = 0;
  const fill = (spans: readonly Span[]) => {
    const images = untilAborted(readSpans(source, spans), signal);
    const options = { pool, workers, times, signal, onOriented: () => oriented++ };
    // Large images that are already being decoded are not waited for either.
    return untilAborted(labelImages(images, annotator, options), signal);
  };
  const { write, ...result } = await fillFolder(
    folder,
    {
      ...options,
      images,
      rowsPerFile,
      refuse: options.strict ? ({ key, reason }) => new Error(`Cannot relabel "${key}": ${reason}`) : undefined,
    },
    { list: (span) => untilAborted(listImages(source, span), signal), fill },
  );
  return { ...result, oriented, times: { ...times, write } };
}

/**
 * Everything that the bytes of a folder depend on. Where a data set is stored is not among it, so that it may be moved;
 * its number of images and its first and last key tell another one, and on the hub its commit.
 */
async function configurationOf(
  source: ImageSource,
  { metadata, capabilities, storage }: LoadedAnnotator,
  { rowsPerFile, images }: { rowsPerFile: number; images: number },
): Promise<LabelMapConfiguration> {
  return {
    metadata,
    rowsPerFile,
    source: {
      images,
      firstKey: await keyAt(source, 0),
      lastKey: await keyAt(source, images - 1),
      ...source.commit === undefined ? {} : { commit: source.commit },
    },
    engine: {
      version: engineVersion,
      adapter: capabilities.adapter,
      profile: capabilities.profile,
      storage,
    },
  };
}

async function keyAt(source: ImageSource, index: number): Promise<string | null> {
  for await (const { key } of source.list({ start: index, end: index + 1 })) return key;
  return null;
}

/** The images of some spans, in one go. */
async function* readSpans(source: ImageSource, spans: readonly Span[]): AsyncGenerator<StoredImage> {
  for (const span of spans) yield* source.read(span);
}
