/**
 * Pixels to JPEG, by libjpeg's tables, with half as many samples of colour in both directions.
 *
 * @module
 */

import { loadDecoder } from "../../formats/images/load_decoder.ts";
import type { Pixels } from "../../formats/base/pixels.ts";

/**
 * Encodes an image.
 *
 * @param image The image.
 * @param quality libjpeg's, 1 to 100.
 * @returns The file.
 */
export async function encodeJpeg(
  { width, height, pixels }: Pixels,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const sharp = await loadDecoder();
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await image.jpeg({ quality, chromaSubsampling: "4:2:0" }).toBuffer());
}
