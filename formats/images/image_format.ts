// deno-lint-ignore-file no-control-regex -- signatures are bytes
/**
 * What a file is by its first bytes, whatever its name says.
 *
 * @module
 */

import { numberOf } from "../base/number_of.ts";

/** The formats that are decoded. */
export type ImageFormat = "JPEG" | "PNG" | "WebP" | "AVIF" | "GIF" | "TIFF" | "BMP" | "PNM";

/** What headers of several formats say. */
export interface StoredHeader {
  /** Pixels as stored, before the image is turned. */
  readonly width: number;
  readonly height: number;
  /** How it is to be turned, as an EXIF orientation from 1 to 8. */
  readonly orientation: number;
  /** Why it is not read; undefined if it may be. */
  readonly refusal?: string;
}

/** Signatures as Latin-1 text, `.` standing for any byte. */
const SIGNATURES: readonly [ImageFormat, RegExp][] = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n.\n/],
  ["WebP", /^RIFF....WEBP/s],
  ["AVIF", /^....ftyp(....)*?avi[fs]/s],
  ["GIF", /^GIF8[79]a/],
  ["TIFF", /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/],
  ["BMP", /^BM/],
  ["PNM", /^P[1-6f]\s/],
];

/** Formats that people take for images and that are not decoded: each is named, so that it can be converted. */
const NOT_READ: readonly [string, RegExp][] = [
  ["HEIC", /^....ftyp(....)*?(hei[cxms]|hev[cxms]|mif1|msf1)/s],
  ["a video", /^(....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI )/s],
  ["JPEG XL", /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["JPEG 2000", /^(\0\0\0\x0cjP|\xff\x4f\xff\x51)/],
  ["JPEG XR", /^II\xbc/],
  ["SVG", /^\s*(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*<svg[\s>]/s],
  ["PDF", /^%PDF-/],
  ["PostScript", /^(%!PS|\xc5\xd0\xd3\xc6)/],
  ["a Photoshop document", /^8BPS/],
  ["an icon", /^(\0\0\x01\0|icns)/],
  ["QOI", /^qoif/],
  ["OpenEXR", /^\x76\x2f\x31\x01/],
  ["Radiance HDR", /^#\?R/],
  ["DDS", /^DDS /],
  ["SGI", /^\x01\xda[\0\x01]/],
  ["FITS", /^SIMPLE {2}=/],
  ["PAM, Netpbm's P7", /^P7\s/],
  ["PFM in colour", /^PF\s/],
  ["a DjVu document", /^AT&TFORM/],
];

/** Bytes that tell a format. */
const HEAD = 256;

/**
 * The format of an encoded image.
 *
 * @param bytes The file, or its first bytes.
 * @param size How many bytes the file has.
 * @returns The format.
 * @throws {Error} If it is none of them; the message says what was found.
 */
export function imageFormat(bytes: Uint8Array, size = bytes.length): ImageFormat {
  if (bytes.length === 0) throw new Error("Cannot decode image: it is empty (0 bytes)");
  const head = String.fromCharCode(...bytes.subarray(0, HEAD));
  const isIn = ([, signature]: readonly [string, RegExp]) => signature.test(brandsOnly(head));
  const found = SIGNATURES.find(isIn);
  if (found) return found[0];
  const other = NOT_READ.find(isIn);
  if (other) throw new Error(`Cannot decode image: it is ${other[0]}, which is not read; convert it to PNG or JPEG`);
  if (head.startsWith("version https://git-lfs")) {
    throw new Error("Cannot decode image: it is a pointer of Git LFS to the image; fetch that with git lfs pull");
  }
  throw new Error(
    `Cannot decode image: ${describeContent(bytes, size)} is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM`,
  );
}

/**
 * Whether a file whose name does not tell is an image that is decoded.
 *
 * @param bytes Its first bytes.
 * @returns True if they are those of a format; of BMP more than its two letters.
 */
export function looksLikeImage(bytes: Uint8Array): boolean {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD));
  const [format] = SIGNATURES.find(([, signature]) => signature.test(brandsOnly(head))) ?? [];
  return format !== undefined && (format !== "BMP" || head.slice(6, 10) === "\0\0\0\0");
}

/** The brands that a file begins with, without what follows them. */
function brandsOnly(head: string): string {
  return head.slice(4, 8) === "ftyp"
    ? head.slice(0, Math.max(head.charCodeAt(2) * 256 + head.charCodeAt(3), 12))
    : head;
}

function describeContent(bytes: Uint8Array, size: number): string {
  const head = bytes.subarray(0, 40);
  const text = new TextDecoder().decode(head).replace(/\ufffd$/, "");
  if (!/[\0-\x08\x0e-\x1f\ufffd]/.test(text)) return `text that begins ${JSON.stringify(text)}`;
  const hex = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `a file of ${numberOf(size, "byte")} that begins ${hex}`;
}
