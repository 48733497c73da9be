/**
 * What a PNG's chunks say before its pixels. The format: W3C, "Portable Network Graphics (PNG) Specification".
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { exifOrientation } from "./orientation.ts";
import type { StoredHeader } from "./image_format.ts";

/** The header of a PNG. */
export interface PngHeader extends StoredHeader {
  readonly isInterlaced: boolean;
}

/**
 * Reads the header.
 *
 * @param bytes A PNG.
 * @returns The header; null if its first chunk is not there.
 */
export function readPngHeader(bytes: Uint8Array): PngHeader | null {
  if (bytes.length < 33) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let refusal: string | undefined;
  let isBeforePixels = true;
  for (let offset = 8; offset + 12 <= bytes.length && refusal === undefined;) {
    const length = view.getUint32(offset);
    const kind = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    const end = offset + 8 + length;
    if (kind === "IEND" || end + 4 > bytes.length) break;
    if (kind === "IDAT") isBeforePixels = false;
    if (kind === "eXIf") orientation = exifOrientation(bytes.subarray(offset + 8, end));
    // What follows the pixels is not looked at when they are decoded.
    if (isBeforePixels && !/^[A-Za-z]{4}$/.test(kind)) refusal = "a chunk of it has a name that is none";
    else if (isBeforePixels && crc32(bytes.subarray(offset + 4, end)) !== view.getUint32(end)) {
      refusal = `the checksum of its chunk ${kind} is wrong`;
    }
    offset = end + 4;
  }
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    orientation,
    isInterlaced: bytes[28] !== 0,
    refusal,
  };
}
