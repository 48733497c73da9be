/**
 * What decodes images, each to RGB pixels without alpha.
 *
 * @module
 */

import type { DecodedImage } from "../../../formats/base/pixels.ts";
import { decodeImage } from "../../../formats/images/mod.ts";
import { loadDecoder } from "../../../formats/images/load_decoder.ts";

/** Decoders by name. sharp is the same build that relabel has. */
export const DECODERS = {
  // Of all formats Pillow turns TIFF alone.
  relabel: (bytes: Uint8Array) =>
    decodeImage(bytes, { exifOrientation: /^(II|MM)$/.test(String.fromCharCode(...bytes.subarray(0, 2))) }),
  sharp: decodeWithSharp,
  imagescript: decodeFirstFrame,
} as const;

/** As sharp's documentation says, with nothing of ours around it. */
async function decodeWithSharp(bytes: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadDecoder();
  const { data, info } = await sharp(bytes).toColourspace("srgb").removeAlpha().raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: new Uint8Array(data) };
}

/** imagescript's native codecs refuse to be loaded where sharp's WebAssembly build is wanted. */
async function decodeFirstFrame(bytes: Uint8Array): Promise<DecodedImage> {
  const { decode, Image } = await import("imagescript");
  const decoded = await decode(bytes, true);
  const { width, height, bitmap } = decoded instanceof Image ? decoded : decoded[0];
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) pixels[pixel * 3 + channel] = bitmap[pixel * 4 + channel];
  }
  return { width, height, pixels };
}
