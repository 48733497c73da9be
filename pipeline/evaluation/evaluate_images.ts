/**
 * Images through a classifier, and what is measured of them.
 *
 * @module
 */

import { openDecodePool } from "../../formats/images/mod.ts";
import { NO_LABEL } from "../../kernels/operations/label_target.ts";
import { type ImageStepper, imageSteps } from "../image_steps.ts";
import type { Classified, LoadedClassifier } from "./classifier.ts";
import { defaultWorkers } from "../label_images.ts";
import type { WriteProgress } from "../fill_folder.ts";
import type { DataSet } from "./data_set.ts";
import type { Measure } from "./measures.ts";

/** How to go through the images. */
export interface EvaluateOptions {
  /** Only the first images. */
  readonly limit?: number;
  /** Workers that decode; default all cores but one. Results do not depend on it. */
  readonly workers?: number;
  /** Whether an image that cannot be decoded stops the run; default false. */
  readonly strict?: boolean;
  /** Told of each image, and once before the first. */
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** An image that was not evaluated. */
export interface RejectedImage {
  readonly key: string;
  readonly reason: string;
}

/** What went through. */
export interface EvaluatedImages {
  /** Images that were classified. */
  readonly images: number;
  readonly rejected: readonly RejectedImage[];
}

/**
 * Classifies images and adds them to measures.
 *
 * @param model What classifies.
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
  const { limit = Infinity, workers = defaultWorkers(), strict = false, onProgress } = options;
  const { source, path } = dataSet;
  const total = Math.min(dataSet.count, limit);
  const stepper: ImageStepper<Classified> = {
    batch: model.batch,
    start: (images, stored) => model.start(images, stored.map((image) => dataSet.truthOf(image)?.label ?? NO_LABEL)),
  };
  const pool = openDecodePool(workers);
  const rejected: RejectedImage[] = [];
  let done = 0;
  const report = () => onProgress?.({ done, before: 0, total, rejected: rejected.length });
  report();
  try {
    for await (const step of imageSteps(source.read({ end: total }), stepper, { pool, workers })) {
      const { key } = step.image;
      done++;
      if ("reason" in step) {
        if (strict) throw new Error(`Cannot evaluate "${key}": ${step.reason}`);
        rejected.push({ key, reason: step.reason });
      } else {
        const { logits, attacked = logits } = step.result;
        if (!logits.every(Number.isFinite) || !attacked.every(Number.isFinite)) {
          throw new RangeError(`Cannot evaluate "${key}": its logits are not finite numbers`);
        }
        for (const measure of measures) measure.add(step.image, step.result);
      }
      report();
    }
  } finally {
    pool.close();
  }
  if (rejected.length === done) {
    const [{ key, reason }] = rejected;
    throw new Error(`Cannot evaluate on "${path}": no image can be decoded, the first, "${key}", because: ${reason}`);
  }
  return { images: done - rejected.length, rejected };
}
