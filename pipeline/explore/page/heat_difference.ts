/**
 * How two heat maps of the same cells differ.
 *
 * @module
 */

/** Red where the second is higher, blue where the first is. */
const HIGHER = [214, 69, 32];
const LOWER = [33, 102, 206];

/**
 * The largest difference of two heat maps.
 *
 * @param first Values from 0 to 1.
 * @param second Values from 0 to 1, as many as the first.
 * @returns Its absolute value.
 */
export function largestDifference(first: ArrayLike<number>, second: ArrayLike<number>): number {
  let largest = 0;
  for (let cell = 0; cell < first.length; cell++) largest = Math.max(largest, Math.abs(second[cell] - first[cell]));
  return largest;
}

/**
 * A picture of the difference, with one pixel per cell.
 *
 * @param first Values from 0 to 1.
 * @param second Values from 0 to 1, as many as the first.
 * @returns RGBA `[cells, 4]`, not premultiplied: red where the second is higher, blue where the first is, opaque where they
 * differ most.
 */
export function differencePixels(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Uint8ClampedArray<ArrayBuffer> {
  const largest = largestDifference(first, second) || 1;
  const pixels = new Uint8ClampedArray(first.length * 4);
  for (let cell = 0; cell < first.length; cell++) {
    const difference = second[cell] - first[cell];
    pixels.set([...difference > 0 ? HIGHER : LOWER, 255 * Math.abs(difference) / largest], cell * 4);
  }
  return pixels;
}
