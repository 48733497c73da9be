/**
 * Average precision of multi-label classification, class by class over images.
 *
 * With the images of a class sorted by its score, highest first, precision at a rank is the share of images up to there
 * that show the class, and average precision its mean over the images that do:
 *
 *     AP = sum over images i with the class of precision(rank of i) / number of these images
 *
 * Images of equal score share the last of their ranks, so that their order does not count (as scikit-learn has it). mAP is
 * the mean over the classes that an image shows. Nothing is interpolated.
 *
 * @module
 */

import type { ImageClasses } from "../../formats/evaluation/mod.ts";

/**
 * The average precision of one class.
 *
 * @param scores Scores of each image; any function that rises with them gives the same.
 * @param isPositive Whether each image shows the class.
 * @returns Average precision, from 0 to 1; NaN if no image shows the class.
 */
export function averagePrecision(scores: ArrayLike<number>, isPositive: ArrayLike<boolean | number>): number {
  const order = Array.from({ length: scores.length }, (_, image) => image).sort((a, b) => scores[b] - scores[a]);
  let positives = 0;
  let sum = 0;
  for (let rank = 0; rank < order.length;) {
    const score = scores[order[rank]];
    let ofScore = 0;
    for (; rank < order.length && scores[order[rank]] === score; rank++) if (isPositive[order[rank]]) ofScore++;
    positives += ofScore;
    sum += ofScore * positives / rank;
  }
  return sum / positives;
}

/** The average precision of a class. */
export interface ClassPrecision {
  readonly label: number;
  /** 0 to 1. */
  readonly value: number;
  /** Images that show it. */
  readonly images: number;
}

/**
 * The average precision of each class that an image shows.
 *
 * @param classes Number of classes.
 * @param truths The classes of each image; one of which is not known whether it shows a class is not ranked for it.
 * @param scoresOf The scores of a class, one for each image.
 * @returns The classes, ascending.
 */
export function classPrecisions(
  classes: number,
  truths: readonly ImageClasses[],
  scoresOf: (label: number) => ArrayLike<number>,
): ClassPrecision[] {
  const byClass = (name: keyof ImageClasses) => {
    const images = Array.from({ length: classes }, () => new Set<number>());
    truths.forEach((truth, image) => truth[name].forEach((label) => images[label].add(image)));
    return images;
  };
  const [present, unknown] = [byClass("present"), byClass("unknown")];
  return present.flatMap((images, label) => {
    if (images.size === 0) return [];
    const scores = scoresOf(label);
    const known = truths.keys().toArray().filter((image) => !unknown[label].has(image));
    const value = averagePrecision(known.map((image) => scores[image]), known.map((image) => images.has(image)));
    return [{ label, value, images: images.size }];
  });
}

/** The mean of the average precision of classes, 0 to 1; NaN without any. */
export function meanAveragePrecision(classes: readonly ClassPrecision[]): number {
  return classes.reduce((sum, { value }) => sum + value, 0) / classes.length;
}
