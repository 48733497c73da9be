/**
 * The way from stored images to label maps: decoded in workers, annotated in steps of which two are in flight, given out
 * in the source's order.
 *
 * @module
 */

import {
  decodeImages,
  type DecodePool,
  type DecodeResult,
  type ImageRange,
  type ImageSource,
  openDecodePool,
  releaseBytes,
  type StoredImage,
} from "../formats/images/mod.ts";
import type { LabelMapRow } from "../formats/labels/mod.ts";
import type { LabelMap, LoadedAnnotator } from "./annotator.ts";

/** An image with its row, or with the reason why it has none. */
export type LabelledImage =
  | { readonly index: number; readonly key: string; readonly row: LabelMapRow }
  | { readonly index: number; readonly key: string; readonly reason: string };

/** How to relabel a source. */
export interface RelabelOptions extends ImageRange {
  /** Workers that decode; default {@linkcode defaultWorkers}. Results do not depend on it. */
  readonly workers?: number;
}

/** Milliseconds spent waiting, by what for. */
export interface StepTimes {
  decode: number;
  annotate: number;
}

/**
 * Steps given to the device and not yet read. Reading blocks this isolate, so a step is read when the next one is on the
 * device: that one keeps it busy while rows are written and images come in for the one after.
 */
const STEPS_IN_FLIGHT = 2;

/**
 * Relabels images.
 *
 * Memory does not grow with the number of images: read ahead are a few for each worker and step.
 *
 * @param source Where they come from.
 * @param annotator What labels them; it stays open.
 * @param options Which of them, and workers.
 * @returns Each image in the source's order, with its row or why it has none.
 * @throws {RangeError} If `workers` is not a positive integer.
 * @throws {Deno.errors.NotSupported} If this machine has no image decoder.
 */
export async function* relabel(
  source: ImageSource,
  annotator: LoadedAnnotator,
  options: RelabelOptions = {},
): AsyncGenerator<LabelledImage> {
  const { workers = defaultWorkers(), ...range } = options;
  const pool = openDecodePool(workers);
  try {
    yield* labelImages(source.read(range), annotator, { pool, workers, times: { decode: 0, annotate: 0 } });
  } finally {
    pool.close();
  }
}

/**
 * Workers that keep the device busy: all cores but one, which drives it.
 *
 * @returns At least 1.
 */
export function defaultWorkers(): number {
  return Math.max(1, navigator.hardwareConcurrency - 1);
}

/**
 * Labels a sequence of stored images.
 *
 * @param images What to label.
 * @param annotator What labels them.
 * @param options Workers that decode, how many they are, and where to add up the times.
 * @returns Each image in order.
 */
export async function* labelImages(
  images: AsyncIterable<StoredImage>,
  annotator: LoadedAnnotator,
  options: { pool: DecodePool; workers: number; times: StepTimes },
): AsyncGenerator<LabelledImage> {
  const { pool, workers, times } = options;
  const decoded = decodeImages(images, pool, { ahead: Math.max(2 * workers, workers + annotator.batch) });
  const inFlight: Step[] = [];
  try {
    for (let ended = false; !ended || inFlight.length > 0;) {
      if (!ended && inFlight.length < STEPS_IN_FLIGHT) {
        const start = performance.now();
        const results = await take(decoded, annotator.batch);
        times.decode += performance.now() - start;
        ended = results.length < annotator.batch;
        if (results.length > 0) inFlight.push(startStep(results, annotator, times));
      } else {
        const { results, read } = inFlight.shift()!;
        const start = performance.now();
        const maps = await read();
        times.annotate += performance.now() - start;
        yield* labelled(results, maps);
      }
    }
  } finally {
    await decoded.return(undefined);
  }
}

/** Images that are on the device together, and those that were rejected between them. */
interface Step {
  readonly results: readonly DecodeResult[];
  readonly read: () => Promise<LabelMap[]>;
}

async function take(decoded: AsyncIterator<DecodeResult>, count: number): Promise<DecodeResult[]> {
  const results: DecodeResult[] = [];
  while (results.length < count) {
    const next = await decoded.next();
    if (next.done) break;
    results.push(next.value);
  }
  return results;
}

function startStep(results: DecodeResult[], annotator: LoadedAnnotator, times: StepTimes): Step {
  const start = performance.now();
  const images = results.flatMap((result) => "decoded" in result ? [result.decoded] : []);
  const read = images.length > 0 ? annotator.start(images) : () => Promise.resolve([]);
  // They are uploaded by now, and the largest thing there is.
  for (const { pixels } of images) releaseBytes(pixels);
  times.annotate += performance.now() - start;
  return { results, read };
}

function* labelled(results: readonly DecodeResult[], maps: readonly LabelMap[]): Generator<LabelledImage> {
  let position = 0;
  for (const result of results) {
    const { index, key, label } = result.image;
    if ("reason" in result) yield { index, key, reason: result.reason };
    else {
      const { width, height } = result.decoded;
      const { class: classes, score, topClass, topProbability } = maps[position++];
      yield { index, key, row: { key, label, width, height, class: classes, score, topClass, topProbability } };
    }
  }
}
