/**
 * What a JPEG's segments say before its first scan: size, coding and EXIF orientation. The format: ITU-T T.81, annex B.
 *
 * @module
 */

import { exifOrientation } from "./orientation.ts";
import type { StoredHeader } from "./image_format.ts";

/** The header of a JPEG. */
export interface JpegHeader extends StoredHeader {
  /** Colour components, such as 3. */
  readonly components: number;
  /** Whether all coefficients of the image are in memory at once while it is decoded. */
  readonly keepsCoefficients: boolean;
}

/** Frames by their marker, where they are not read. */
const REFUSED_FRAMES: Readonly<Record<number, string>> = {
  0xc3: "lossless",
  0xc5: "hierarchical",
  0xc6: "hierarchical",
  0xc7: "hierarchical",
  0xcb: "lossless",
  0xcd: "hierarchical",
  0xce: "hierarchical",
  0xcf: "hierarchical",
  0xf7: "JPEG-LS",
};
const PROGRESSIVE_FRAMES: readonly number[] = [0xc2, 0xca];

/**
 * Reads the header.
 *
 * @param bytes A JPEG.
 * @returns The header; null if there is no frame before the first scan or the end.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation: number | undefined;
  for (let offset = 2; offset + 4 <= bytes.length;) {
    if (bytes[offset] !== 0xff || bytes[offset + 1] === 0xff) {
      // Bytes between segments and fill bytes are passed over, as the decoder does.
      offset++;
      continue;
    }
    const marker = bytes[offset + 1];
    if (marker === 0xda || marker === 0xd9) return null;
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      offset += 2;
      continue;
    }
    const end = offset + 2 + view.getUint16(offset + 2);
    const segment = bytes.subarray(offset + 4, end);
    if (marker === 0xe1 && orientation === undefined && isExif(segment)) orientation = exifOrientation(segment);
    const isFrame = (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
    if (isFrame && segment.length >= 6) {
      const [precision] = segment;
      const coding = REFUSED_FRAMES[marker];
      const stray = strayMarker(bytes, end);
      const refusal = coding !== undefined
        ? `it is ${coding}`
        : precision !== 8
        ? `its samples have ${precision} bits`
        : stray === undefined
        ? undefined
        : `its marker at byte ${stray}, ${bytes[stray + 1].toString(16)}, has no meaning there`;
      return {
        height: view.getUint16(offset + 5),
        width: view.getUint16(offset + 7),
        orientation: orientation ?? 1,
        components: segment[5],
        keepsCoefficients: PROGRESSIVE_FRAMES.includes(marker),
        refusal,
      };
    }
    offset = end;
  }
  return null;
}

/** Segments that may follow the frame: tables, scans, numbers of lines and restarts, application data, comments. */
function mayFollowFrame(marker: number): boolean {
  return [0xc4, 0xcc, 0xda, 0xdb, 0xdc, 0xdd, 0xfe].includes(marker) || (marker >= 0xe0 && marker <= 0xef);
}

/**
 * Where a marker is, after the frame and before the end of the image, that the decoder cannot pass over. libvips does not
 * look as far, and would show what was decoded before it.
 */
function strayMarker(bytes: Uint8Array, start: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.indexOf(0xff, start); at >= 0 && at + 4 <= bytes.length; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1];
    if (marker === 0xd9) return undefined;
    if (marker === 0xff) at++;
    else if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (mayFollowFrame(marker)) at += 2 + view.getUint16(at + 2);
    else return at;
  }
  return undefined;
}

function isExif(segment: Uint8Array): boolean {
  return String.fromCharCode(...segment.subarray(0, 6)) === "Exif\0\0";
}
