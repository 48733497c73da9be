/**
 * The size of an image without its pixels.
 *
 * @module
 */

import { decodeImage, loadDecoder } from "./decode.ts";
import { imageFormat } from "./image_format.ts";

/** Formats whose headers libvips reads. */
const VIPS_FORMATS: readonly string[] = ["JPEG", "PNG", "WebP", "TIFF"];

/**
 * Reads the size that decoding would give.
 *
 * @param bytes The encoded image.
 * @returns Pixels.
 * @throws {Error} If its header cannot be read.
 */
export async function imageSize(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  const format = imageFormat(bytes);
  if (!VIPS_FORMATS.includes(format)) {
    const { width, height } = await decodeImage(bytes);
    return { width, height };
  }
  const sharp = await loadDecoder();
  try {
    const { width, height, orientation = 1 } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return format === "TIFF" && orientation > 4 ? { width: height, height: width } : { width, height };
  } catch {
    throw new Error(`Cannot read the size of a ${format}: its header is corrupt`);
  }
}
