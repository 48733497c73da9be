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
 * Weights are rounded to multiples of 2^-22 and all sums are of integers, so that a GPU gives the same bits as a CPU. The
 * horizontal pass comes first, over the rows that the vertical one will read, and its result is rounded and clipped to
 * 8 bits; then the vertical pass. Pillow skips a pass that changes nothing; here its table is the identity, which is the
 * same. (Pillow, `src/libImaging/Resample.c`.)
 *
 * The order is that of every Pillow up to 12, with which the published annotators were trained and measured. Two things
 * are not followed, both orders that save time: up to 12, an image over 100 times as tall as wide that loses height goes
 * through the vertical pass first; from 13 on, so do many that lose height.
 *
 * - {@linkcode resizeTables} makes the weights, in float64, for one size of image.
 * - {@linkcode centerCrop} says what classifiers are evaluated on: the middle of a resized image.
 * - {@linkcode resizeReference} resizes on the CPU, any size of image.
 * - {@linkcode resizeHorizontalKernel} and {@linkcode resizeVerticalKernel} do so on the GPU, image after image with the
 *   same two pipelines; the second also normalises into a batch.
 *
 * @module
 */

export { type CenterCrop, centerCrop } from "./center_crop.ts";
export { resizeHorizontalKernel, resizeVerticalKernel } from "./kernels.ts";
export { normalisationLevels } from "./normalisation.ts";
export { resizeReference } from "./reference.ts";
export {
  type Box,
  type ResizeFilter,
  type ResizeOptions,
  type ResizeTables,
  resizeTables,
  type Window,
} from "./tables.ts";
