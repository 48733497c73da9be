/**
 * What a WebP's chunks say. The format: Google, "WebP Container Specification".
 *
 * @module
 */

import { exifOrientation } from "./orientation.ts";
import type { StoredHeader } from "./image_format.ts";

/**
 * Reads the header.
 *
 * @param bytes A WebP.
 * @returns The header; null if its first chunk says no size.
 */
export function readWebpHeader(bytes: Uint8Array): StoredHeader | null {
  if (bytes.length < 30) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = readSize(view, chunkName(bytes, 12));
  if (!size) return null;
  let orientation = 1;
  for (let offset = 12; offset + 8 <= bytes.length;) {
    const length = view.getUint32(offset + 4, true);
    if (chunkName(bytes, offset) === "EXIF") {
      orientation = exifOrientation(bytes.subarray(offset + 8, offset + 8 + length));
      break;
    }
    offset += 8 + length + length % 2;
  }
  return { ...size, orientation };
}

function chunkName(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

function readSize(view: DataView, chunk: string): { width: number; height: number } | null {
  switch (chunk) {
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const packed = view.getUint32(21, true);
      return { width: (packed & 0x3fff) + 1, height: (packed >>> 14 & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: (view.getUint32(24, true) & 0xffffff) + 1, height: (view.getUint32(26, true) >>> 8) + 1 };
    default:
      return null;
  }
}
