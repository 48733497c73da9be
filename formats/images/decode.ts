/**
 * Encoded images to RGB pixels, by the rule of torchvision's default loader: Pillow's `Image.open(f).convert("RGB")`.
 *
 * - The EXIF orientation is ignored, as that loader does, unless it is asked for. Pillow applies that of TIFF by itself;
 *   here the rule is the same for all formats. Colour profiles and gamma are ignored.
 * - Alpha is dropped, not blended: a transparent pixel shows the colour stored under it.
 * - Grey is repeated, palettes are expanded, CMYK and YCCK become `(255 - C) (255 - K) / 255`, and so on for M and Y.
 * - 16-bit colour and 16-bit grey with alpha keep their high byte. 16-bit grey without alpha is cut off at 255, which
 *   makes most such images white: that is what Pillow does, and so what a training with that loader sees.
 * - Of an animation the first frame, of a TIFF the first page.
 * - A truncated file is an error; trailing bytes and damage that the format's decoder only warns of are not.
 *
 * JPEG, PNG, WebP, AVIF and TIFF are decoded by libvips (sharp); GIF, BMP and PNM here. Against Pillow 13.0
 * (libjpeg-turbo 3.2) every pixel of every fixture in `tests/fixtures/images` and of the sample photographs is equal,
 * except in AVIF: there libheif's colours are off by up to 2 of 255 levels, and where an edge is coloured and chroma has
 * fewer samples than luma by more, since libheif repeats those and Pillow's libavif interpolates them. What else differs
 * is refused: see `tiff.ts`, and {@linkcode imageFormat} for formats.
 *
 * @module
 */

import { decodeBmp } from "./bmp.ts";
import { decodeGif } from "./gif.ts";
import { type ImageHeader, readImageHeader } from "./image_header.ts";
import { orientImage } from "./orientation.ts";
import type { DecodedImage } from "../base/pixels.ts";
import { decodePnm } from "./pnm.ts";
import type { DecodeOptions } from "./image_source.ts";
import { decodeWithVips } from "./vips.ts";

/**
 * Decodes an image.
 *
 * @param bytes The encoded image; its content says which format it has.
 * @param options Whether it is turned.
 * @returns The decoded image.
 * @throws {Error} If it cannot be decoded; the message is one sentence that names what was found.
 * @throws {Deno.errors.NotSupported} If the decoder is not there for this machine.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DecodedImage> {
  return await decodeWithHeader(bytes, readImageHeader(bytes), options);
}

/**
 * Decodes an image whose header is known.
 *
 * @param bytes The encoded image.
 * @param header What its header says.
 * @param options Whether it is turned.
 * @returns The decoded image.
 * @throws {Error} If it cannot be decoded; the message is one sentence that names what was found.
 * @throws {Deno.errors.NotSupported} If the decoder is not there for this machine.
 */
export async function decodeWithHeader(
  bytes: Uint8Array,
  header: ImageHeader,
  { exifOrientation = false }: DecodeOptions = {},
): Promise<DecodedImage> {
  const stored = await decodeStored(bytes, header);
  const { orientation } = header;
  if (orientation === 1) return stored;
  return { ...exifOrientation ? orientImage(stored, orientation) : stored, orientation };
}

function decodeStored(bytes: Uint8Array, header: ImageHeader): Promise<DecodedImage> | DecodedImage {
  switch (header.format) {
    case "BMP":
      return decodeBmp(bytes);
    case "PNM":
      return decodePnm(bytes);
    case "GIF":
      return decodeGif(bytes);
    default:
      return decodeWithVips(bytes, header);
  }
}
