/**
 * What a classifier is evaluated on: the image resized so that it just covers a rectangle, and the middle of that, as
 * torchvision's `Resize` and `CenterCrop` do it. The paper resizes the shorter side to 256 pixels and takes 224 x 224.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { Window } from "./tables.ts";

/** A resize of a whole image and the part of it that is taken. */
export interface CenterCrop {
  readonly size: Pair;
  readonly window: Window;
}

/**
 * The centre crop of an image.
 *
 * @param width Width of the image, pixels.
 * @param height Height of the image, pixels.
 * @param options `cover`: what the resized image just covers, `[256, 256]` for a shorter side of 256; `crop`: what is taken.
 * @returns Size of the resized image and the window in it.
 * @throws {RangeError} If the crop is larger than what is covered.
 */
export function centerCrop(width: number, height: number, options: { cover: Pair; crop: Pair }): CenterCrop {
  const { cover, crop } = options;
  if (crop[0] > cover[0] || crop[1] > cover[1]) {
    throw new RangeError(`Cannot crop ${crop.join(" x ")} from an image resized to cover ${cover.join(" x ")}`);
  }
  const isTall = height * cover[1] >= width * cover[0];
  // The longer side is cut down to whole pixels, the product before the quotient.
  const size: Pair = isTall
    ? [Math.trunc(cover[1] * height / width), cover[1]]
    : [cover[0], Math.trunc(cover[0] * width / height)];
  return {
    size,
    window: {
      top: halfToEven(size[0] - crop[0]),
      left: halfToEven(size[1] - crop[1]),
      height: crop[0],
      width: crop[1],
    },
  };
}

/** Half of a whole number, rounded as Python rounds: 0.5 to 0, 1.5 to 2. */
function halfToEven(value: number): number {
  return Math.floor(value / 2) + (value % 4 === 3 ? 1 : 0);
}
