/**
 * Pixels to PNG, for images that this project makes itself.
 *
 * @module
 */

import { constants, crc32, deflateSync } from "node:zlib";
import { concatenate } from "../base/bytes.ts";
import { numberOf } from "../base/number_of.ts";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** The numbers that PNG has for grey, RGB and RGBA. */
const COLOUR_TYPE = { 1: 0, 3: 2, 4: 6 } as const;

/**
 * Encodes an image without loss, eight bits a sample. It is made for noise and for flat areas: rows are not filtered, and
 * deflate looks for runs alone, which takes half the time of looking for repetitions that noise has by chance only.
 *
 * @param pixels Bytes, `[H, W, channels]`.
 * @param size Pixels, and 3 channels for RGB, 4 for RGBA (not premultiplied) or 1 for grey.
 * @returns The file.
 * @throws {RangeError} If the pixels are not as many as the size says.
 */
export function encodePng(
  pixels: Uint8Array | Uint8ClampedArray,
  size: { readonly width: number; readonly height: number; readonly channels: 1 | 3 | 4 },
): Uint8Array {
  const { width, height, channels } = size;
  const line = width * channels;
  if (pixels.length !== line * height) {
    throw new RangeError(
      `Cannot encode PNG of ${width} x ${height} pixels and ${numberOf(channels, "channel")}: there are ${
        numberOf(pixels.length, "byte")
      }`,
    );
  }
  // Each row starts with its filter, 0 for none.
  const rows = new Uint8Array((1 + line) * height);
  for (let row = 0; row < height; row++) {
    rows.set(pixels.subarray(row * line, (row + 1) * line), row * (1 + line) + 1);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8;
  header[9] = COLOUR_TYPE[channels];
  const chunks = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { strategy: constants.Z_RLE })),
    chunk("IEND", new Uint8Array()),
  ];
  return concatenate([SIGNATURE, ...chunks]);
}

/** Length, name, content, and the checksum of name and content. */
function chunk(name: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  new TextEncoder().encodeInto(name, bytes.subarray(4, 8));
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}
