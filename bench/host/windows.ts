/**
 * Different images of one size, as decoded.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import { readPhotographs } from "../default_annotator.ts";

/**
 * Cuts windows out of the photographs.
 *
 * @param count How many.
 * @param size Height and width, pixels, at most the photographs'.
 * @returns They. Their memory stays when it is released, so that they can be used again.
 */
export async function windowsOfPhotographs(count: number, size: number): Promise<DecodedImage[]> {
  const photographs = (await readPhotographs()).map(({ image }) => image);
  return Array.from({ length: count }, (_, index) => {
    const { width, height, pixels } = photographs[index % photographs.length];
    // Steps that share no factor with most sizes, so that no two windows are one.
    const [left, top] = [index * 37 % (width - size + 1), index * 53 % (height - size + 1)];
    const window = new Uint8Array(size * size * 3);
    for (let y = 0; y < size; y++) {
      const start = ((top + y) * width + left) * 3;
      window.set(pixels.subarray(start, start + size * 3), y * size * 3);
    }
    Object.defineProperty(window.buffer, "detached", { value: true });
    return { width: size, height: size, pixels: window };
  });
}
