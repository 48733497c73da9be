/**
 * Images through a classifier, and what is measured of them.
 *
 * @module
 */

import { openDecodePool } from "../../formats/images/mod.ts";
import { NO_LABEL } from "../../kernels/operations/losses/label_target.ts";
import { type ImageStepper, imageSteps } from "../model/image_steps.ts";
import { defaultWorkers } from "../model/default_workers.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { gatherValues, shareOf, together, togetherAtLength } from "../command/shared_work.ts";
import type { WriteProgress } from "../command/progress.ts";
import type { Classified, LoadedClassifier } from "./load_classifier.ts";
import type { DataSet } from "./data_set.ts";
import type { Measure } from "./measures.ts";
import { closing } from "../../formats/base/closing.ts";

/** How to go through the images. */
export interface EvaluateOptions {
  /** Only the first images. */
  readonly limit?: number;
  /** Workers that decode; default all cores but one. Results do not depend on it. */
  readonly workers?: number;
  /** Whether images are turned as their EXIF orientation says; default false. */
  readonly exifOrientation?: boolean;
  /** Whether an image that cannot be decoded stops the run; default false. */
  readonly strict?: boolean;
  /** Told of each image, and once before the first. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** An image that was not evaluated. */
export interface UnevaluatedImage {
  readonly key: string;
  readonly reason: string;
}

/** Numbers of the images that were classified and rejected. */
export interface EvaluatedImages {
  /** Images that were classified. */
  readonly images: number;
  readonly rejected: readonly UnevaluatedImage[];
  /** Images that carry an EXIF orientation other than 1, whether they were turned or not. */
  readonly oriented: number;
}

/**
 * Classifies images and adds them to measures.
 *
 * @param model The classifier.
 * @param dataSet The images.
 * @param measures What is measured.
 * @param options Which images, and whom to tell.
 * @returns How many there were.
 * @throws {Error} If an image cannot be decoded and `strict` is given, none can be, or logits are not finite.
 */
export async function evaluateImages(
  model: Pick<LoadedClassifier, "batch" | "start">,
  dataSet: DataSet,
  measures: readonly Pick<Measure, "add">[],
  options: EvaluateOptions = {},
): Promise<EvaluatedImages> {
  const found = await evaluateRange(model, dataSet, measures, {
    ...options,
    start: 0,
    end: imagesOf(dataSet, options),
  });
  refuseNone(dataSet, found);
  return found;
}

/**
 * Classifies images on several ranks, each its share of them, and adds them to measures.
 *
 * @param model The classifier.
 * @param dataSet The images, the same on all ranks.
 * @param measures What is measured, the same on all ranks; those of rank 0 have what all ranks measured.
 * @param options As for {@linkcode evaluateImages}, and the ranks; progress is told as if the other ranks were as
 *   far as this one.
 * @returns How many there were, on rank 0 of all ranks.
 * @throws {SharedFailure} Where {@linkcode evaluateImages} throws an error.
 */
export async function evaluateOnRanks(
  model: Pick<LoadedClassifier, "batch" | "start">,
  dataSet: DataSet,
  measures: readonly Measure[],
  options: EvaluateOptions & { readonly ranks: Communicator },
): Promise<EvaluatedImages> {
  const { ranks, workers = defaultWorkers(ranks.localSize), onProgress } = options;
  const total = imagesOf(dataSet, options);
  const range = {
    ...shareOf(ranks, total),
    onProgress: onProgress && ((progress: WriteProgress) => {
      const done = progress.done === progress.total ? total : progress.done * ranks.size;
      onProgress({ ...progress, done, total });
    }),
  };
  const own = await togetherAtLength(
    ranks,
    () => evaluateRange(model, dataSet, measures, { ...options, workers, ...range }),
  );
  const all = await gatherValues(ranks, { ...own, sums: measures.map((measure) => measure.sums()) });
  for (const { sums } of all?.slice(1) ?? []) measures.forEach((measure, at) => measure.merge(sums[at]));
  const found = all === undefined ? own : {
    images: all.reduce((sum, { images }) => sum + images, 0),
    rejected: all.flatMap(({ rejected }) => rejected),
    oriented: all.reduce((sum, { oriented }) => sum + oriented, 0),
  };
  await together(ranks, () => {
    if (all) refuseNone(dataSet, found);
  });
  return found;
}

function imagesOf({ count }: DataSet, { limit = Infinity }: EvaluateOptions): number {
  return Math.min(count, limit);
}

function refuseNone({ path }: DataSet, { images, rejected }: EvaluatedImages): void {
  if (images > 0) return;
  const [{ key, reason }] = rejected;
  throw new Error(`Cannot evaluate on "${path}": no image can be decoded, the first, "${key}", because: ${reason}`);
}

/** Evaluates the images from `start` to before `end`. */
async function evaluateRange(
  model: Pick<LoadedClassifier, "batch" | "start">,
  dataSet: DataSet,
  measures: readonly Pick<Measure, "add">[],
  options: EvaluateOptions & { readonly start: number; readonly end: number },
): Promise<EvaluatedImages> {
  const { workers = defaultWorkers(), exifOrientation, strict = false, onProgress, start, end } = options;
  const total = end - start;
  const stepper: ImageStepper<Classified> = {
    batch: model.batch,
    start: (images, stored) => model.start(images, stored.map((image) => dataSet.truthOf(image)?.label ?? NO_LABEL)),
  };
  using pool = closing(openDecodePool(workers, { exifOrientation }));
  const rejected: UnevaluatedImage[] = [];
  let [done, oriented] = [0, 0];
  const report = () => onProgress?.({ done, before: 0, total, rejected: rejected.length });
  report();
  for await (const step of imageSteps(dataSet.source.read({ start, end }), stepper, { pool, workers })) {
    const { key } = step.image;
    done++;
    if ("reason" in step) {
      if (strict) throw new Error(`Cannot evaluate "${key}": ${step.reason}`);
      rejected.push({ key, reason: step.reason });
    } else {
      if (step.size.orientation !== undefined) oriented++;
      const { logits, attacked = logits } = step.result;
      if (!logits.every(Number.isFinite) || !attacked.every(Number.isFinite)) {
        throw new RangeError(`Cannot evaluate "${key}": its logits are not finite numbers`);
      }
      for (const measure of measures) measure.add(step.image, step.result);
    }
    report();
  }
  return { images: done - rejected.length, rejected, oriented };
}
