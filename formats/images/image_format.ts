/**
 * What a file is by its first bytes, whatever its name says.
 *
 * @module
 */

/** The formats that are decoded. */
export type ImageFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "TIFF" | "BMP" | "PNM";

/** Signatures as Latin-1 text, `.` standing for any byte. */
const SIGNATURES: readonly [ImageFormat, RegExp][] = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n.\n/],
  ["WebP", /^RIFF....WEBP/s],
  ["GIF", /^GIF8[79]a/],
  ["TIFF", /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/],
  ["BMP", /^BM/],
  ["PNM", /^P[56]\s/],
];

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
  const head = String.fromCharCode(...bytes.subarray(0, 24));
  const found = SIGNATURES.find(([, signature]) => signature.test(head));
  if (found) return found[0];
  throw new Error(`Cannot decode image: ${describeContent(bytes, size)} is no JPEG, PNG, WebP, GIF, TIFF, BMP or PNM`);
}

function describeContent(bytes: Uint8Array, size: number): string {
  const head = bytes.subarray(0, 40);
  const text = new TextDecoder().decode(head).replace(/\ufffd$/, "");
  // deno-lint-ignore no-control-regex
  if (!/[\0-\x08\x0e-\x1f\ufffd]/.test(text)) return `text that begins ${JSON.stringify(text)}`;
  const hex = Array.from(head.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `a file of ${size} bytes that begins ${hex}`;
}
