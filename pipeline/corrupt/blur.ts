/**
 * Blur: of a lens out of focus, of frosted glass, of motion and of zooming.
 *
 * @module
 */

import type { Corruption } from "./corruption.ts";
import { diskWeights, filterSquare, gaussianBlur, motionBlur as blurByMotion, zoomMiddle } from "./picture_filters.ts";
import { mapSamples } from "./picture.ts";

/** A disk for each point. */
export const defocusBlur: Corruption = (picture, severity) => {
  const [radius, softness] = [[3, 0.1], [4, 0.5], [6, 0.5], [8, 0.5], [10, 0.5]][severity - 1];
  return filterSquare(picture, diskWeights(radius, softness));
};

/**
 * Pixels that take the colour of one nearby, between two Gaussian blurs. (Meant as an exchange of two pixels, but in the
 * published code the other one keeps its colour, and so it does in the published images.)
 */
export const glassBlur: Corruption = (picture, severity, random) => {
  const [sigma, reach, rounds] = [[0.7, 1, 2], [0.9, 2, 1], [1, 2, 3], [1.1, 3, 2], [1.5, 4, 2]][severity - 1];
  const { width, height } = picture;
  const blurred = mapSamples(gaussianBlur(picture, [sigma, sigma]), Math.floor);
  const { values } = blurred;
  for (let round = 0; round < rounds; round++) {
    for (let y = height - reach; y > reach; y--) {
      for (let x = width - reach; x > reach; x--) {
        const [right, down] = [random.integer(2 * reach) - reach, random.integer(2 * reach) - reach];
        const from = ((y + down) * width + x + right) * 3;
        values.copyWithin((y * width + x) * 3, from, from + 3);
      }
    }
  }
  return gaussianBlur(blurred, [sigma, sigma]);
};

/** Copies moved in a direction within 45 degrees of the horizontal. */
export const motionBlur: Corruption = (picture, severity, random) => {
  const [radius, sigma] = [[10, 3], [15, 5], [15, 8], [15, 12], [20, 15]][severity - 1];
  return blurByMotion(picture, { radius, sigma, angle: random.uniform(-45, 45) });
};

/** The mean of the picture and enlarged ones. */
export const zoomBlur: Corruption = (picture, severity) => {
  const [end, step] = [[1.11, 0.01], [1.16, 0.01], [1.21, 0.02], [1.26, 0.02], [1.31, 0.03]][severity - 1];
  // The number of steps as numpy.arange has it, rounding included.
  const factors = Array.from({ length: Math.ceil((end - 1) / step) }, (_, index) => 1 + index * step);
  const sum = Float64Array.from(picture.values);
  for (const factor of factors) zoomMiddle(picture, factor).values.forEach((value, index) => sum[index] += value);
  return mapSamples(picture, (_, index) => sum[index] / (factors.length + 1));
};
