/**
 * The EXIF orientation: which of the eight turns and mirrorings shows a picture as the camera was held.
 *
 * | orientation | to be shown |
 * | --- | --- |
 * | 1 | as it is |
 * | 2 | mirrored left to right |
 * | 3 | turned by 180 degrees |
 * | 4 | mirrored top to bottom |
 * | 5 | mirrored along the diagonal from the upper left |
 * | 6 | turned by 90 degrees clockwise |
 * | 7 | mirrored along the diagonal from the upper right |
 * | 8 | turned by 90 degrees counter-clockwise |
 *
 * @module
 */

import type { DecodedImage } from "../base/pixels.ts";
import { readTiffDirectory, type TiffDirectory } from "./tiff_directory.ts";

const ORIENTATION = 274;

/**
 * The orientation in a directory of fields.
 *
 * @param directory A directory of a TIFF or of EXIF data.
 * @returns 1 to 8; 1 if there is none, or another number.
 */
export function directoryOrientation(directory: TiffDirectory): number {
  const [orientation = 1] = directory.values(ORIENTATION) ?? [];
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/**
 * The orientation in EXIF data.
 *
 * @param exif The data, with or without the `Exif` that JPEG begins them with.
 * @returns 1 to 8; 1 if there is none, or they are damaged.
 */
export function exifOrientation(exif: Uint8Array): number {
  const start = exif[0] === 0x45 ? 6 : 0;
  try {
    return directoryOrientation(readTiffDirectory(exif.subarray(start)));
  } catch {
    return 1;
  }
}

/**
 * Turns an image as its orientation says.
 *
 * @param image The image as it is stored.
 * @param orientation 1 to 8.
 * @returns The image as it is to be shown; the same for 1.
 */
export function orientImage(
  { width, height, pixels }: DecodedImage,
  orientation: number,
): Pick<DecodedImage, "width" | "height" | "pixels"> {
  if (orientation === 1) return { width, height, pixels };
  const isTransposed = orientation > 4;
  const columns = isTransposed ? height : width;
  const rows = isTransposed ? width : height;
  const fromBottom = [3, 4, 6, 7].includes(orientation);
  const fromRight = [2, 3, 7, 8].includes(orientation);
  // In stored pixels: where the first one shown is, and what a step to the right and one down are.
  const first = (fromBottom ? (height - 1) * width : 0) + (fromRight ? width - 1 : 0);
  const vertical = fromBottom ? -width : width;
  const horizontal = fromRight ? -1 : 1;
  const [right, down] = isTransposed ? [vertical, horizontal] : [horizontal, vertical];
  const turned = new Uint8Array(pixels.length);
  for (let row = 0, to = 0; row < rows; row++) {
    let from = (first + row * down) * 3;
    for (let column = 0; column < columns; column++, to += 3, from += right * 3) {
      turned[to] = pixels[from];
      turned[to + 1] = pixels[from + 1];
      turned[to + 2] = pixels[from + 2];
    }
  }
  return { width: columns, height: rows, pixels: turned };
}
