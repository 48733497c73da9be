/**
 * The way from stored images to label maps.
 *
 * @module
 */

import {
  type DecodePool,
  type ImageRange,
  type ImageSource,
  openDecodePool,
  type StoredImage,
} from "../../formats/images/mod.ts";
import { isTurned, type LabelMapRow } from "../../formats/labels/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { defaultWorkers } from "./default_workers.ts";
import type { LoadedAnnotator } from "./load_annotator.ts";
import { imageSteps } from "./image_steps.ts";

/** An image with its row, or with the reason why it has none. */
export type LabelledImage =
  | { readonly index: number; readonly key: string; readonly row: LabelMapRow }
  | { readonly index: number; readonly key: string; readonly reason: string };

/** Which images of a source are labelled, and with how many workers. */
export interface RelabelOptions extends ImageRange {
  /** Workers that decode; default one less than there are cores. Results do not depend on it. */
  readonly workers?: number;
}

/** Milliseconds spent waiting. */
export interface StepTimes {
  /** Milliseconds spent waiting for decoded images. */
  decode: number;
  /** Milliseconds spent waiting for the annotator. */
  annotate: number;
}

/**
 * Labels the images of a source, one after the other.
 *
 * Memory does not grow with the number of images: a few are read ahead for each worker and step.
 *
 * @param source The images.
 * @param annotator What labels them; it stays open.
 * @param options Which images, and how many workers decode.
 * @returns The images in the source's order, each with its row or the reason why it has none.
 * @throws {RangeError} If `workers` is not a positive integer.
 * @throws {Deno.errors.NotSupported} If this machine has no image decoder.
 */
export async function* relabel(
  source: ImageSource,
  annotator: LoadedAnnotator,
  options: RelabelOptions = {},
): AsyncGenerator<LabelledImage> {
  const { workers = defaultWorkers(), ...range } = options;
  using pool = closing(openDecodePool(workers, { exifOrientation: isTurned(annotator.metadata) }));
  yield* labelImages(source.read(range), annotator, { pool, workers, times: { decode: 0, annotate: 0 } });
}

/**
 * Labels a sequence of stored images.
 *
 * @param images What to label.
 * @param annotator What labels them.
 * @param options Workers that decode, how many they are, where to add up the times, whom to tell of each image that carries
 *   an EXIF orientation other than 1, and what breaks a step off.
 * @returns The images in their order, each with its row or the reason why it has none.
 * @throws {unknown} The signal's reason, if that breaks a step off.
 */
export async function* labelImages(
  images: AsyncIterable<StoredImage>,
  annotator: LoadedAnnotator,
  options: { pool: DecodePool; workers: number; times: StepTimes; onOriented?: () => void; signal?: AbortSignal },
): AsyncGenerator<LabelledImage> {
  const { times, onOriented, signal } = options;
  const stepper = { batch: annotator.batch, start: (images: readonly Pixels[]) => annotator.start(images, { signal }) };
  const steps = imageSteps(images, stepper, {
    ...options,
    onWait: (what, milliseconds) => times[what === "decode" ? "decode" : "annotate"] += milliseconds,
  });
  for await (const step of steps) {
    const { index, key, label } = step.image;
    if ("reason" in step) yield { index, key, reason: step.reason };
    else {
      const { width, height, orientation } = step.size;
      const { class: classes, score, topClass, topProbability } = step.result;
      if (orientation !== undefined) onOriented?.();
      yield { index, key, row: { key, label, width, height, class: classes, score, topClass, topProbability } };
    }
  }
}
