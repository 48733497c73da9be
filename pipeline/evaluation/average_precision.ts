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
