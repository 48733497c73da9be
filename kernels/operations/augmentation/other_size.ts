/**
 * What happens to an image, told for a result of another size: the same crop and flip, the same operations and colours.
 *
 * Factors, bits and thresholds do not depend on the size. Matrices of pixels and rectangles are scaled, the latter to whole
 * pixels. What is computed of the result's own pixels follows these: the mean grey of contrast, the histograms of equalize
 * and the stretch of autoContrast differ by what resizing does to them, sharpness reaches over 3 x 3 pixels of either, and
 * the noise in an erased rectangle is drawn for each of its pixels.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { ImageOperation } from "./image_operation.ts";
import type { Mix } from "./mix.ts";
import type { PixelBox } from "./random_resized_crop.ts";
import type { Augmentation } from "./sample.ts";

/** Heights and widths of two results. */
export interface Sizes {
  readonly from: Pair;
  readonly to: Pair;
}

/**
 * What happens to an image, for another size.
 *
 * @param augmentation What happens at the size `from`.
 * @param sizes Both sizes.
 * @returns What happens at the size `to`.
 */
export function augmentationAtSize(augmentation: Augmentation, sizes: Sizes): Augmentation {
  const { erasing, operations } = augmentation;
  return {
    ...augmentation,
    operations: operations.map((operation) => operationAtSize(operation, sizes)),
    ...(erasing ? { erasing: { ...boxAtSize(erasing, sizes), key: erasing.key } } : {}),
  };
}

/**
 * How a batch is mixed, for another size.
 *
 * @param mix How it is mixed at the size `from`.
 * @param sizes Both sizes.
 * @returns How it is mixed at the size `to`; the shares of the targets stay.
 */
export function mixAtSize(mix: Mix, sizes: Sizes): Mix {
  return mix.box ? { ...mix, box: boxAtSize(mix.box, sizes) } : mix;
}

function operationAtSize(operation: ImageOperation, { from, to }: Sizes): ImageOperation {
  if (operation.type !== "affine") return operation;
  const [a, b, c, d, e, f] = operation.matrix;
  const [down, right] = [to[0] / from[0], to[1] / from[1]];
  return { type: "affine", matrix: [a, b * right / down, c * right, d * down / right, e, f * down] };
}

function boxAtSize({ top, left, height, width }: PixelBox, { from, to }: Sizes): PixelBox {
  const [y, x] = [0, 1].map((axis) => (value: number) => Math.round(value * to[axis] / from[axis]));
  return { top: y(top), left: x(left), height: y(top + height) - y(top), width: x(left + width) - x(left) };
}
