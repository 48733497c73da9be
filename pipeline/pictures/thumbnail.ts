/**
 * Small pictures of images, for pages.
 *
 * @module
 */

import { decodeImage, MOST_PIXELS } from "../../formats/images/mod.ts";
import { imageFormat } from "../../formats/images/image_format.ts";
import { imageSize } from "../../formats/images/image_size.ts";
import { loadDecoder } from "../../formats/images/load_decoder.ts";
import type { Crop } from "../../kernels/operations/label_pooling/mod.ts";

type Sharp = import("sharp").Sharp;

/** What a picture shows. */
export interface ThumbnailOptions {
  /** Pixels of the longer side at most; smaller images are not enlarged. */
  readonly side: number;
  /** The part to show, in fractions of the image; all of it if left out. */
  readonly crop?: Pick<Crop, "top" | "left" | "height" | "width">;
  /** Whether the image is turned as its EXIF orientation says; default false. */
  readonly exifOrientation?: boolean;
  /** How it is encoded; default `webp`. */
  readonly type?: "webp" | "jpeg";
}

/**
 * A small picture of an image. It lies as the decoded pixels do, which a label map was made of.
 *
 * @param encoded The image's file.
 * @param options Its size, and which part.
 * @returns The picture, encoded.
 * @throws {Error} If the image cannot be decoded; the message is the decoder's reason.
 */
export async function thumbnail(
  encoded: Uint8Array<ArrayBuffer>,
  options: ThumbnailOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return await shrinkJpeg(encoded, options) ?? await shrinkDecoded(encoded, options);
}

/** A JPEG shrunk while it is decoded, ten times as fast for large ones; null where that cannot be done. */
async function shrinkJpeg(
  encoded: Uint8Array,
  options: ThumbnailOptions,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (imageFormat(encoded) !== "JPEG") return null;
  const sharp = await loadDecoder();
  const image = sharp(encoded, { failOn: "truncated", ignoreIcc: true, limitInputPixels: MOST_PIXELS });
  try {
    const { space } = await image.metadata();
    if (options.exifOrientation) image.autoOrient();
    return space === "cmyk" ? null : await shrink(image, imageSize(encoded, options), options);
  } catch {
    // Decoding it in full finds the reason.
    return null;
  }
}

async function shrinkDecoded(encoded: Uint8Array, options: ThumbnailOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, pixels } = await decodeImage(encoded, options);
  const sharp = await loadDecoder();
  return await shrink(sharp(pixels, { raw: { width, height, channels: 3 } }), { width, height }, options);
}

async function shrink(
  image: Sharp,
  { width, height }: { readonly width: number; readonly height: number },
  { side, crop, type = "webp" }: ThumbnailOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (crop) {
    const [left, columns] = pixelsOf(crop.left, crop.width, width);
    const [top, rows] = pixelsOf(crop.top, crop.height, height);
    image.extract({ left, top, width: columns, height: rows });
  }
  const small = image.resize(side, side, { fit: "inside", withoutEnlargement: true });
  const data = await (type === "webp" ? small.webp() : small.jpeg({ quality: 90 })).toBuffer();
  return new Uint8Array(data);
}

/** First pixel and number of pixels of a part, at least one. */
function pixelsOf(start: number, length: number, pixels: number): [start: number, count: number] {
  const first = Math.min(Math.max(Math.round(start * pixels), 0), pixels - 1);
  const end = Math.min(Math.max(Math.round((start + length) * pixels), first + 1), pixels);
  return [first, end - first];
}
