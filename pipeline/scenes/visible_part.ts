/**
 * What a mask shows of a class.
 *
 * @module
 */

import type { Box } from "../pictures/boxes.ts";

/**
 * What is seen of a class.
 *
 * @param mask `[side, side]`: 0 for background, or 1 and the index of the class that is seen.
 * @param index The class.
 * @param side Width and height of the mask in pixels.
 * @returns The class's pixels, and the box around them in fractions of the image.
 */
export function visiblePart(mask: Uint8Array, index: number, side: number): { area: number; box: Box } {
  let [area, top, left, bottom, right] = [0, side, side, 0, 0];
  for (let pixel = 0; pixel < mask.length; pixel++) {
    if (mask[pixel] !== 1 + index) continue;
    const row = Math.floor(pixel / side);
    const column = pixel % side;
    area++;
    top = Math.min(top, row);
    left = Math.min(left, column);
    bottom = Math.max(bottom, row + 1);
    right = Math.max(right, column + 1);
  }
  const [height, width] = [bottom - top, right - left];
  return { area, box: { index, top: top / side, left: left / side, height: height / side, width: width / side } };
}
