/**
 * What an encoded image says of itself before its pixels.
 *
 * @module
 */

import { readAvifHeader } from "./avif_header.ts";
import { readBmpHeader } from "./bmp.ts";
import type { DecodeOptions } from "./image_source.ts";
import { readGifHeader } from "./gif.ts";
import { type ImageFormat, imageFormat, type StoredHeader } from "./image_format.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import { checkSize } from "../base/pixels.ts";
import { readPngHeader } from "./png_header.ts";
import { readPnmHeader } from "./pnm.ts";
import { readTiffHeader } from "./tiff.ts";
import { readWebpHeader } from "./webp_header.ts";
import type { YcbcrRule } from "./ycbcr.ts";

/** Size, orientation and cost of an image. */
export interface ImageHeader extends StoredHeader {
  readonly format: ImageFormat;
  /** Bytes that decoding takes for each pixel, the result's three included. */
  readonly bytesPerPixel: number;
  /** How stored luma and chroma become colours, where the decoder leaves that to its caller. */
  readonly ycbcr?: YcbcrRule;
  /** Whether a TIFF is in tiles. */
  readonly isTiled?: boolean;
}

/**
 * Memory that decoding an image takes, the result included.
 *
 * @param header What its header says.
 * @param options Whether it is turned, which makes a copy.
 * @returns The memory in bytes.
 */
export function decodingBytes(
  { width, height, bytesPerPixel, orientation }: ImageHeader,
  { exifOrientation = false }: DecodeOptions = {},
): number {
  return width * height * (bytesPerPixel + (exifOrientation && orientation !== 1 ? 3 : 0));
}

type Described = Omit<ImageHeader, "format" | "orientation"> & { readonly orientation?: number };

/**
 * Reads the header.
 *
 * @param bytes The encoded image.
 * @returns The header.
 * @throws {Error} If there is none, the image has no pixels or too many, or it is of a kind that is not read; the message
 *   is one sentence.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const format = imageFormat(bytes);
  const described = describe(bytes, format);
  if (!described) throw new Error(`Cannot decode ${format}: ${damage(bytes, format)}`);
  const { width, height, refusal } = described;
  checkSize(format, width, height);
  if (refusal !== undefined) throw new Error(`Cannot decode ${format} of ${width} x ${height} pixels: ${refusal}`);
  return { orientation: 1, ...described, format };
}

function describe(bytes: Uint8Array, format: ImageFormat): Described | null {
  switch (format) {
    case "JPEG":
      return withBytes(readJpegHeader(bytes), ({ components, keepsCoefficients }) => {
        // A coefficient has two bytes; CMYK is decoded beside the result.
        return 3 + (keepsCoefficients ? 2 * components : 0) + (components === 4 ? 4 : 0);
      });
    case "PNG":
      return withBytes(readPngHeader(bytes), ({ isInterlaced }) => isInterlaced ? 11 : 3);
    case "WebP":
      return withBytes(readWebpHeader(bytes), () => 11);
    case "AVIF":
      return withBytes(readAvifHeader(bytes), () => 16);
    case "TIFF":
      return withBytes(readTiffHeader(bytes), ({ samples, bits, isOnePiece }) => {
        return 3 + samples * bits / 8 * (isOnePiece ? 2 : 1);
      });
    case "GIF":
      return withBytes(readGifHeader(bytes), () => 4);
    case "BMP":
      return withBytes(readBmpHeader(bytes), () => 4);
    case "PNM":
      return withBytes(readPnmHeader(bytes), () => 4);
  }
}

function withBytes<Header extends Omit<Described, "bytesPerPixel">>(
  header: Header | null,
  bytesPerPixel: (header: Header) => number,
): Described | null {
  return header && { ...header, bytesPerPixel: bytesPerPixel(header) };
}

/**
 * Why an image that should decode does not.
 *
 * @param bytes The encoded image.
 * @param format What it is.
 * @returns The end of a sentence.
 */
export function damage(bytes: Uint8Array, format: ImageFormat): string {
  return endsEarly(bytes, format) ? "it ends early" : "it is corrupt, or of a kind that is not read";
}

/** Whether the bytes lack the end that the format prescribes; false where it prescribes none. */
function endsEarly(bytes: Uint8Array, format: ImageFormat): boolean {
  switch (format) {
    case "JPEG":
      // The end marker; zeros and other bytes may follow it.
      return !hasMarker(bytes, 0xd9);
    case "PNG":
      return !new TextDecoder("latin1").decode(bytes.subarray(-12)).includes("IEND");
    case "WebP":
      return bytes.length < 8 + new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true);
    default:
      return false;
  }
}

/** Whether a marker stands anywhere in the bytes; of hundreds of megabytes without one this is soon known. */
function hasMarker(bytes: Uint8Array, marker: number): boolean {
  for (let start = bytes.indexOf(0xff); start >= 0; start = bytes.indexOf(0xff, start + 1)) {
    if (bytes[start + 1] === marker) return true;
  }
  return false;
}
