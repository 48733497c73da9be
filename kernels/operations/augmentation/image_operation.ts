/**
 * What may be done to an 8-bit image after it was cut out and resized, and before it is normalised. All are Pillow's, as
 * torchvision calls them for `ColorJitter` and `RandAugment`; values are rounded to 8 bits after each.
 *
 * | operation | value v of a pixel becomes |
 * | --- | --- |
 * | brightness f | f v |
 * | contrast f | m + f (v - m), m the image's mean grey, rounded |
 * | saturation f | g + f (v - g), g the pixel's grey |
 * | sharpness f | s + f (v - s), s the mean over 3 x 3 with the middle weighing 5; v itself at the edge |
 * | posterize b | its b highest bits |
 * | solarize t | 255 - v if it is t or more |
 * | autoContrast | stretched so that each colour's lowest becomes 0 and its highest 255 (`auto_contrast.ts`) |
 * | equalize | its rank in the colour's histogram |
 * | affine | that of the place (a x + b y + c, d x + e y + f), black outside |
 *
 * Grey is (19595 red + 38470 green + 7471 blue) / 65536, rounded.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { Warp } from "../label_pooling/crop.ts";

/** One operation. */
export type ImageOperation =
  | { readonly type: "brightness" | "contrast" | "saturation" | "sharpness"; readonly factor: number }
  | { readonly type: "posterize"; readonly bits: number }
  | { readonly type: "solarize"; readonly threshold: number }
  | { readonly type: "autoContrast" | "equalize" }
  | { readonly type: "affine"; readonly matrix: AffineMatrix };

/** From pixels of the result to pixels of the image, x to the right and y down: x' = a x + b y + c, y' = d x + e y + f. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * An affine matrix in fractions of the picture, as label maps are sampled by.
 *
 * @param matrix In pixels.
 * @param size Height and width of the picture.
 * @returns The warp.
 */
export function matrixWarp([a, b, c, d, e, f]: AffineMatrix, [height, width]: Pair): Warp {
  return [a, b * height / width, c / width, d * width / height, e, f / height];
}

/**
 * An affine matrix as Pillow applies it when it takes the nearest pixel: multiples of 2^-16, from the middle of the first
 * pixel on (`affine_fixed` of `src/libImaging/Geometry.c`).
 *
 * @param matrix In pixels.
 * @returns Integers a to f; the place of the result's pixel (x, y) is ((a x + b y + c) >> 16, (d x + e y + f) >> 16).
 */
export function fixedMatrix([a, b, c, d, e, f]: AffineMatrix): Int32Array<ArrayBuffer> {
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  return Int32Array.of(
    fixed(a),
    fixed(b),
    fixed(c + a * 0.5 + b * 0.5),
    fixed(d),
    fixed(e),
    fixed(f + d * 0.5 + e * 0.5),
  );
}
