/**
 * Targets from masks: the classes that an annotator who knows everything would give a crop (`--labels oracle`).
 *
 * A mask is an image of the size of the image it belongs to, grey: 0 for background, or 1 and the index of the class that
 * is seen at a pixel. A class is in a crop if at least a share of what is seen of it in the whole image lies in the crop,
 * or if it fills at least that share of the crop: the first rule keeps a small object that is whole, the second the part of
 * a large one that fills the crop. A pixel is in the crop if its middle is; where the picture is turned or sheared after it
 * was cut out, if its middle is in the frame after each of these steps. A mirror image shows what the crop does.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import { type Crop, isShown } from "../../kernels/operations/label_pooling/mod.ts";

/**
 * The classes in a crop.
 *
 * @param mask The decoded mask, whose three channels are equal.
 * @param crop What is cut out.
 * @param options Number of `classes`, and the `share` of both rules, 0 to 1.
 * @returns `[C]`: 1 for a class that is in it, else 0.
 * @throws {RangeError} If the mask has a class beyond those.
 */
export function classesInCrop(
  mask: DecodedImage,
  crop: Crop,
  options: { readonly classes: number; readonly share: number },
): Float32Array<ArrayBuffer> {
  const { classes, share } = options;
  const { width, height, pixels } = mask;
  const all = new Uint32Array(classes + 1);
  const inside = new Uint32Array(classes + 1);
  const isVisible = visibility(crop);
  let area = 0;
  for (let row = 0; row < height; row++) {
    const y = ((row + 0.5) / height - crop.top) / crop.height;
    for (let column = 0; column < width; column++) {
      const value = pixels[(row * width + column) * 3];
      if (value > classes) {
        throw new RangeError(
          `it has ${value} at row ${row}, column ${column}, and there ${
            classes === 1 ? "is 1 class" : `are ${classes} classes`
          }`,
        );
      }
      all[value]++;
      const x = ((column + 0.5) / width - crop.left) / crop.width;
      if (x < 0 || x >= 1 || y < 0 || y >= 1) continue;
      area++;
      if (isVisible(x, y)) inside[value]++;
    }
  }
  return Float32Array.from({ length: classes }, (_, index) => {
    const [seen, whole] = [inside[index + 1], all[index + 1]];
    return seen > 0 && (seen >= share * whole || seen >= share * area) ? 1 : 0;
  });
}

/**
 * Whether a place of the crop is shown in the picture that is made of it: the warp's inverse says where it would be, and the
 * frames whether it was there on the way.
 */
function visibility({ warp, frames = [] }: Crop): (x: number, y: number) => boolean {
  if (!warp) return () => true;
  const [a, b, c, d, e, f] = warp;
  const determinant = a * e - b * d;
  return (x, y) => {
    const u = (e * (x - c) - b * (y - f)) / determinant;
    const v = (a * (y - f) - d * (x - c)) / determinant;
    return u >= 0 && u <= 1 && v >= 0 && v <= 1 && isShown(frames, u, v);
  };
}
