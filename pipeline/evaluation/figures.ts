/**
 * What an evaluation finds: one number each, with how many images it is of.
 *
 * @module
 */

/** A number that was measured. */
export interface Figure {
  /** What it is: `top-1`, `mCE`. */
  readonly measure: string;
  /** What it is of, where not of the whole data set: a class or a corruption. */
  readonly of?: string;
  /** A share of 1; errors relative to another network's may be more. */
  readonly value: number;
  /** Standard error of the value, where it is a mean over images: the images taken as drawn from many. */
  readonly standardError?: number;
  /** Images that it was measured on. */
  readonly images: number;
}

/** Images that were counted, and those of them for which something holds. */
export interface CountedImages {
  readonly images: number;
  readonly right: number;
}

/**
 * A share as a figure.
 *
 * @param measure What it is.
 * @param tally The counts; there is an image.
 * @param of What it is of.
 * @returns The share, and sqrt(p (1 - p) / n).
 */
export function shareFigure(measure: string, { images, right }: CountedImages, of?: string): Figure {
  const value = right / images;
  return {
    measure,
    ...(of === undefined ? {} : { of }),
    value,
    standardError: Math.sqrt(value * (1 - value) / images),
    images,
  };
}
