/**
 * How well students do, and how sure that is.
 *
 * A mean is of images where there is one student, and of students (each with images and weights of its own) where there are
 * several: the second counts what another training would give, and is what a comparison of supervisions should be judged
 * by. Differences are paired: of the same images, or of students with the same seed.
 *
 * @module
 */

import { type Mean, meanOf } from "../command/mean.ts";

export { type Mean, meanOf };

/** What a student got right: for each test image 1 if it is right, else 0. */
export interface Outcomes {
  /** The best class is the single label. */
  readonly top1: ArrayLike<number>;
  /** The best class is one of those that the image shows, as ReaL counts. */
  readonly real: ArrayLike<number>;
}

/** A supervision beside the one that it is compared with. */
export interface Comparison {
  readonly top1: Mean;
  readonly real: Mean;
  readonly top1Difference: Mean;
  readonly realDifference: Mean;
}

/**
 * Compares students with others that differ in their supervision alone.
 *
 * @param students Their outcomes, one or more.
 * @param others Outcomes of the other students, for the same seeds and images.
 * @returns Accuracies of the students, and how much more that is, as shares of 1.
 */
export function compare(students: readonly Outcomes[], others: readonly Outcomes[]): Comparison {
  const values = (outcomes: readonly Outcomes[], of: keyof Outcomes): ArrayLike<number> =>
    outcomes.length === 1 ? outcomes[0][of] : outcomes.map((outcome) => meanOf(outcome[of]).value);
  const difference = (of: keyof Outcomes) => {
    const theirs = values(others, of);
    return meanOf(Float64Array.from(values(students, of), (value, index) => value - theirs[index]));
  };
  return {
    top1: meanOf(values(students, "top1")),
    real: meanOf(values(students, "real")),
    top1Difference: difference("top1"),
    realDifference: difference("real"),
  };
}
