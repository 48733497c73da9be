/**
 * Resizing as Pillow's `Image.resize` does it with 8-bit images, to the bit.
 *
 * Each output pixel is a weighted mean of the input pixels under a filter that is as wide as the reduction demands
 * (antialiasing). With scale = input / output and s = max(scale, 1), the filter of support r is centred at
 * c = (x + 1/2) scale + left and weighs input pixel i by f((i + 1/2 - c) / s), for i from c - r s to c + r s, rounded and
 * cut off at the image's edge, never at the box's; the weights are divided by their sum.
 *
 * | filter | f(x) | support |
 * | --- | --- | --- |
 * | nearest | the pixel under c | 0 |
 * | box | 1 on (-1/2, 1/2] | 1/2 |
 * | bilinear | 1 - abs(x) | 1 |
 * | hamming | sinc(x) (0.54 + 0.46 cos(pi x)) | 1 |
 * | bicubic | Keys' cubic, a = -1/2 | 2 |
 * | lanczos | sinc(x) sinc(x / 3) | 3 |
 *
 * Weights are rounded to multiples of 2^-22 and all sums are of integers, so that a GPU gives the same bits as a CPU. A
 * pass along either axis rounds and clips to 8 bits. Pillow skips a pass that changes nothing; here its table is the
 * identity, which is the same. (Pillow, `src/libImaging/Resample.c`.)
 *
 * Which pass comes first changes some results by some levels. In every Pillow up to 12, with which the published annotators
 * were trained and measured, the horizontal one does; from 13 on, the vertical one where the height shrinks by more than
 * twice as many pixels as the width. The rule is Pillow 13's unless the older one is asked for. One thing is not followed: up
 * to 12, an image over 100 times as tall as wide that loses height goes through the vertical pass first.
 *
 * - {@linkcode resizeTables} makes the weights, in float64, for one size of image.
 * - {@linkcode centerCrop} says what classifiers are evaluated on: the middle of a resized image.
 * - {@linkcode resizeReference} resizes on the CPU, any size of image; {@linkcode resizeInPieces} piece by piece.
 * - {@linkcode resizePasses} does so on the GPU, image after image with the same two pipelines for either order; the second
 *   pass also normalises into a batch.
 *
 * @module
 */

export { type CenterCrop, centerCrop } from "./center_crop.ts";
export { type ImagePlace, placeParameters, resizePasses } from "./kernels.ts";
export { normalisationLevels } from "./normalisation.ts";
export { resizeInPieces, resizeReference } from "./reference.ts";
export {
  type Box,
  DEFAULT_RESIZE_RULE,
  isVerticalFirst,
  RESIZE_RULES,
  type ResizeFilter,
  type ResizeOptions,
  type ResizeRule,
  type ResizeTables,
  resizeTables,
  type Window,
} from "./tables.ts";
