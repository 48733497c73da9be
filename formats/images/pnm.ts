/**
 * Netpbm's binary grey and colour maps (`P5`, `P6`), which libvips as packaged with sharp does not read.
 *
 * @module
 */

import { checkSize, type DecodedImage } from "./pixels.ts";

/**
 * Decodes a binary PGM or PPM as Pillow does: samples are scaled from the stated maximum to 255; grey of more than 8 bits
 * is scaled to 65,535 and then cut off at 255.
 *
 * @param bytes The file.
 * @returns Its pixels.
 * @throws {Error} If the header is wrong or the file ends early.
 */
export function decodePnm(bytes: Uint8Array): DecodedImage {
  const { numbers: [width, height, maximum], offset } = parseHeader(bytes);
  checkSize("PNM", width, height);
  const found = `Cannot decode PNM of ${width} x ${height} pixels`;
  if (!(maximum >= 1 && maximum <= 65535)) throw new Error(`${found}: its maximum is ${maximum}`);
  const channels = bytes[1] === 0x36 ? 3 : 1;
  const wide = maximum > 255;
  const samples = width * height * channels;
  const expected = offset + samples * (wide ? 2 : 1);
  if (bytes.length < expected) throw new Error(`${found}: it ends after ${bytes.length} of ${expected} bytes`);
  const scale = wide && channels === 1 ? 65535 : 255;
  const pixels = new Uint8Array(width * height * 3);
  for (let index = 0; index < samples; index++) {
    const sample = wide ? bytes[offset + 2 * index] * 256 + bytes[offset + 2 * index + 1] : bytes[offset + index];
    const value = Math.min(Math.round(sample / maximum * scale), 255);
    if (channels === 3) pixels[index] = value;
    else pixels.fill(value, index * 3, index * 3 + 3);
  }
  return { width, height, pixels };
}

/** Three numbers after the magic, with white space and comments between them; one white space before the samples. */
function parseHeader(bytes: Uint8Array): { numbers: number[]; offset: number } {
  const text = String.fromCharCode(...bytes.subarray(0, 4096));
  const header = /^P[56]((?:\s|#[^\n\r]*[\n\r])+)(\d+)((?:\s|#[^\n\r]*[\n\r])+)(\d+)((?:\s|#[^\n\r]*[\n\r])+)(\d+)\s/
    .exec(text);
  if (!header) throw new Error(`Cannot decode PNM: no width, height and maximum in its first ${text.length} bytes`);
  return { numbers: [header[2], header[4], header[6]].map(Number), offset: header[0].length };
}
