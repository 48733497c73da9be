/**
 * How well the classes of images are told apart where an image shows several: mAP, and the F1 scores of what is said of each
 * class at the probability 0.5, which is the logit 0:
 *
 *     OF1: precision and recall of all answers together; CF1: of the means over classes of precision and of recall.
 *
 * A class that is never predicted has precision 0; classes that no image shows do not count. (Zhu et al., "Learning Spatial
 * Regularization with Image-level Supervisions for Multi-label Image Classification", 2017, section 4.1.)
 *
 * @module
 */

import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import { classPrecisions, meanAveragePrecision } from "./average_precision.ts";

/** Scores, from 0 to 1; NaN where no image shows a class. */
export interface MultiLabelScores {
  readonly meanPrecision: number;
  readonly classF1: number;
  readonly overallF1: number;
}

/**
 * The scores of what is said of images.
 *
 * @param classes Number of classes.
 * @param truths The classes of each image; those of which nothing is known do not count for it.
 * @param logitsOf The logits of a class, one for each image.
 * @returns The scores.
 */
export function multiLabelScores(
  classes: number,
  truths: readonly ImageClasses[],
  logitsOf: (label: number) => ArrayLike<number>,
): MultiLabelScores {
  const found = classPrecisions(classes, truths, logitsOf);
  const counts = found.map(({ label, images }) => {
    const logits = logitsOf(label);
    let [predicted, right] = [0, 0];
    truths.forEach(({ present, unknown }, image) => {
      if (logits[image] <= 0 || unknown.includes(label)) return;
      predicted++;
      if (present.includes(label)) right++;
    });
    return { images, predicted, right };
  });
  const sum = (of: (count: typeof counts[number]) => number) => counts.reduce((sum, count) => sum + of(count), 0);
  const share = (right: number, of: number) => of === 0 ? 0 : right / of;
  const harmonic = (precision: number, recall: number) => share(2 * precision * recall, precision + recall);
  const right = sum((count) => count.right);
  return {
    meanPrecision: meanAveragePrecision(found),
    classF1: harmonic(
      sum((count) => share(count.right, count.predicted)) / found.length,
      sum((count) => share(count.right, count.images)) / found.length,
    ),
    overallF1: harmonic(
      share(right, sum((count) => count.predicted)),
      share(right, sum((count) => count.images)),
    ),
  };
}
