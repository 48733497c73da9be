/**
 * A random part of an image: of a share of its area and of an aspect ratio, both drawn anew up to ten times until the
 * part fits; else the largest part in the middle whose aspect ratio is allowed. (torchvision's `RandomResizedCrop`,
 * after Szegedy et al., "Going deeper with convolutions", 2014.)
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { RandomNumbers } from "../../../formats/base/random.ts";

/** A part of an image in whole pixels. */
export interface PixelBox {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** How often a part is drawn. */
export const TRIES = 10;

/**
 * Draws a part.
 *
 * @param image Its size, pixels.
 * @param options `scale` of the area and `ratio` of width to height, least and most each.
 * @param random The random numbers to draw from.
 * @returns The part.
 */
export function randomResizedCrop(
  { width, height }: { readonly width: number; readonly height: number },
  { scale, ratio }: { readonly scale: Pair; readonly ratio: Pair },
  random: RandomNumbers,
): PixelBox {
  const area = width * height;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const target = area * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const box = { width: Math.round(Math.sqrt(target * aspect)), height: Math.round(Math.sqrt(target / aspect)) };
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    return { top: random.integer(height - box.height + 1), left: random.integer(width - box.width + 1), ...box };
  }
  const box = { width, height };
  if (width / height < ratio[0]) box.height = Math.max(Math.round(width / ratio[0]), 1);
  else if (width / height > ratio[1]) box.width = Math.max(Math.round(height * ratio[1]), 1);
  return { top: (height - box.height) >> 1, left: (width - box.width) >> 1, ...box };
}
