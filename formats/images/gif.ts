/**
 * The first frame of a GIF, as Pillow shows it.
 *
 * Decoded here, since libvips composes frames on a transparent canvas, which loses the colours stored under transparent
 * pixels, reads every frame to show one, and passes over data that ends early. The format: CompuServe, "Graphics
 * Interchange Format, Version 89a", with its appendix F on variable-length-code LZW.
 *
 * @module
 */

import { checkSize, type DecodedImage } from "../base/pixels.ts";
import { numberOf } from "../base/number_of.ts";
import type { StoredHeader } from "./image_format.ts";

/** First row and step of the four passes of an interlaced frame. */
const PASSES = [[0, 8], [4, 8], [2, 4], [1, 2]] as const;
/** Codes have 12 bits at most. */
const MOST_CODES = 4096;

/** The first frame of a GIF, and the canvas on which it lies: its width grows with a frame that reaches beyond it. */
export interface GifHeader extends Pick<StoredHeader, "width" | "height"> {
  readonly frame: { readonly left: number; readonly top: number; readonly width: number; readonly height: number };
  readonly isInterlaced: boolean;
  /** Red, green and blue of 256 indices. */
  readonly palette: Uint8Array;
  /** The transparent index, or 0. */
  readonly transparent: number;
  /** Where the frame's codes begin. */
  readonly offset: number;
}

/**
 * Reads what comes before the first frame's pixels.
 *
 * @param bytes The GIF.
 * @returns The header.
 * @throws {Error} If the GIF has no frame, or ends early.
 */
export function readGifHeader(bytes: Uint8Array): GifHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endsEarly = () => new Error(`Cannot decode GIF: it ends early, after ${numberOf(bytes.length, "byte")}`);
  if (bytes.length < 13) throw endsEarly();
  const screen = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const palette = Uint8Array.from({ length: 768 }, (_, index) => Math.floor(index / 3));
  let offset = readColours(bytes, 13, bytes[10], palette);
  let transparent = 0;
  while (bytes[offset] === 0x21) {
    if (bytes[offset + 1] === 0xf9 && bytes[offset + 3] & 1) transparent = bytes[offset + 6];
    offset = endOfBlocks(bytes, offset + 2);
  }
  if (offset + 10 > bytes.length && bytes[offset] !== 0x3b) throw endsEarly();
  if (bytes[offset] !== 0x2c) {
    throw new Error(`Cannot decode GIF of ${screen.width} x ${screen.height} pixels: no frame`);
  }
  const [left, top, frameWidth, frameHeight] = [1, 3, 5, 7].map((field) => view.getUint16(offset + field, true));
  const packed = bytes[offset + 9];
  const codes = readColours(bytes, offset + 10, packed, palette);
  if (codes >= bytes.length) throw endsEarly();
  return {
    width: Math.max(screen.width, left + frameWidth),
    height: Math.max(screen.height, top + frameHeight),
    frame: { left, top, width: frameWidth, height: frameHeight },
    isInterlaced: (packed & 0x40) !== 0,
    palette,
    transparent,
    offset: codes,
  };
}

/**
 * Decodes the first frame of a GIF. Transparent pixels show the colour of their index; where the frame leaves the canvas
 * free, it shows the colour of the transparent index, or of index 0. An index beyond the colours is black; in a GIF
 * without colours, indices are grey levels.
 *
 * @param bytes The GIF.
 * @returns The decoded image.
 * @throws {Error} If the GIF has no frame, is too large, ends early, or is corrupt.
 */
export function decodeGif(bytes: Uint8Array): DecodedImage {
  const { width, height, frame, isInterlaced, palette, transparent, offset } = readGifHeader(bytes);
  checkSize("GIF", frame.width, frame.height);
  checkSize("GIF", width, height);
  const indices = expandCodes(joinBlocks(bytes, offset + 1), bytes[offset], frame.width * frame.height);
  if (typeof indices === "string") throw new Error(`Cannot decode GIF of ${width} x ${height} pixels: ${indices}`);

  const pixels = new Uint8Array(width * height * 3);
  pixels.set(palette.subarray(transparent * 3, transparent * 3 + 3));
  for (let filled = 3; filled < pixels.length; filled *= 2) pixels.copyWithin(filled, 0, filled);
  let line = 0;
  for (const [first, step] of isInterlaced ? PASSES : [[0, 1]] as const) {
    for (let row = first; row < frame.height; row += step, line++) {
      let to = ((frame.top + row) * width + frame.left) * 3;
      for (const index of indices.subarray(line * frame.width, (line + 1) * frame.width)) {
        pixels[to++] = palette[index * 3];
        pixels[to++] = palette[index * 3 + 1];
        pixels[to++] = palette[index * 3 + 2];
      }
    }
  }
  return { width, height, pixels };
}

/** Reads the colour table that the packed field of a screen or a frame announces; returns the offset after it. */
function readColours(bytes: Uint8Array, offset: number, packed: number, palette: Uint8Array): number {
  if ((packed & 0x80) === 0) return offset;
  const end = offset + 3 * 2 ** ((packed & 7) + 1);
  palette.fill(0).set(bytes.subarray(offset, end));
  return end;
}

/** The offset after a chain of sub-blocks: each a length and so many bytes, the last of length 0. */
function endOfBlocks(bytes: Uint8Array, offset: number): number {
  while (offset < bytes.length && bytes[offset] !== 0) offset += bytes[offset] + 1;
  return offset + 1;
}

/** The content of a chain of sub-blocks, as far as they are whole. */
function joinBlocks(bytes: Uint8Array, offset: number): Uint8Array {
  const joined = new Uint8Array(Math.max(bytes.length - offset, 0));
  let length = 0;
  while (offset + bytes[offset] < bytes.length && bytes[offset] !== 0) {
    const block = bytes.subarray(offset + 1, offset + 1 + bytes[offset]);
    joined.set(block, length);
    length += block.length;
    offset += bytes[offset] + 1;
  }
  return joined.subarray(0, length);
}

/**
 * LZW: each code is a known string of indices, and defines the next code as the string before it plus its own first
 * index. A string is its last index and the code of what comes before.
 *
 * @returns Exactly `count` indices, or what is wrong.
 */
function expandCodes(data: Uint8Array, indexBits: number, count: number): Uint8Array | string {
  if (!(indexBits >= 1 && indexBits <= 8)) return `its indices have ${indexBits} bits`;
  // A code is that many bits at least, and that many pixels at most.
  if (data.length * 8 / (indexBits + 1) * MOST_CODES < count) return `its ${data.length} bytes of data are too few`;
  const clear = 2 ** indexBits;
  const indices = new Uint8Array(count);
  const before = new Uint16Array(MOST_CODES);
  const last = new Uint8Array(MOST_CODES);
  const lengths = new Uint16Array(MOST_CODES);
  for (let code = 0; code < clear; code++) {
    last[code] = code;
    lengths[code] = 1;
  }
  let codes = clear + 2;
  let codeBits = indexBits + 1;
  let previous = -1;
  let written = 0;
  let bits = 0;
  let bitCount = 0;
  let offset = 0;
  while (written < count) {
    while (bitCount < codeBits) {
      if (offset === data.length) return `its data ends after ${written} of ${count} pixels`;
      bits |= data[offset++] << bitCount;
      bitCount += 8;
    }
    const code = bits & (2 ** codeBits - 1);
    bits >>>= codeBits;
    bitCount -= codeBits;
    if (code === clear) {
      codes = clear + 2;
      codeBits = indexBits + 1;
      previous = -1;
      continue;
    }
    if (code === clear + 1) return `its data ends after ${written} of ${count} pixels`;
    if (code > codes || (code === codes && previous < 0)) return `its data is corrupt after ${written} pixels`;
    if (previous >= 0 && codes < MOST_CODES) {
      before[codes] = previous;
      lengths[codes] = lengths[previous] + 1;
      // A code may be the one being defined: the string before it, and that one's first index again.
      last[codes] = firstIndex(code === codes ? previous : code, clear, before);
      codes++;
      if (codes === 2 ** codeBits && codeBits < 12) codeBits++;
    }
    const end = written + lengths[code];
    for (let at = end - 1, part = code; at >= written; at--, part = before[part]) {
      if (at < count) indices[at] = last[part];
    }
    written = end;
    previous = code;
  }
  return indices;
}

function firstIndex(code: number, clear: number, before: Uint16Array): number {
  while (code >= clear) code = before[code];
  return code;
}
