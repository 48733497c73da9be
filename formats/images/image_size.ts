/**
 * The size of an image without its pixels.
 *
 * @module
 */

import type { DecodeOptions } from "./image_source.ts";
import { readImageHeader } from "./image_header.ts";

/**
 * Reads the size that decoding would give.
 *
 * @param bytes The encoded image.
 * @param options Whether it would be turned.
 * @returns Width and height, pixels.
 * @throws {Error} If its header cannot be read.
 */
export function imageSize(
  bytes: Uint8Array,
  { exifOrientation = false }: DecodeOptions = {},
): { width: number; height: number } {
  const { width, height, orientation } = readImageHeader(bytes);
  return exifOrientation && orientation > 4 ? { width: height, height: width } : { width, height };
}
