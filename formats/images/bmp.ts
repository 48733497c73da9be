/**
 * Windows bit maps, which libvips as packaged with sharp does not read: 1, 4 and 8 bits with a palette, plain and
 * run-length coded; 16, 24 and 32 bits; top-down and bottom-up. The format: Microsoft, "Bitmap Storage".
 *
 * @module
 */

import { checkSize, type DecodedImage } from "../base/pixels.ts";
import { numberOf } from "../base/number_of.ts";
import type { StoredHeader } from "./image_format.ts";

/** Red, green and blue of 256 indices, or where a pixel's are. */
type Colours = { readonly palette: Uint8Array } | { readonly channels: readonly Channel[] };

/** The header of a BMP. */
export interface BmpHeader extends Pick<StoredHeader, "width" | "height"> {
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the palette begins, bytes of a colour, and how many colours it has. */
  readonly palette: { readonly start: number; readonly entryBytes: number; readonly colours: number };
  /** Where the pixels begin. */
  readonly start: number;
}

/** Bytes of headers: Windows 2 or OS/2, Windows 3, Adobe's two, OS/2 2, Windows 4 and 5. */
const HEADERS: readonly number[] = [12, 40, 52, 56, 64, 108, 124];
const MOST_COLOURS = 65_536;

const RUNS_OF_BYTES = 1;
const RUNS_OF_HALF_BYTES = 2;
const WITH_MASKS = 3;

/** Red, green and blue, and with 32 bits alpha, of those masks that Pillow reads, by bits. */
const MASKS: Readonly<Record<number, readonly string[]>> = {
  16: ["f800 7e0 1f", "7c00 3e0 1f"],
  24: ["ff0000 ff00 ff"],
  32: [
    "ff0000 ff00 ff 0",
    "ff0000 ff00 ff ff000000",
    "ff000000 ff0000 ff00 0",
    "ff000000 ff0000 ff00 ff",
    "ff000000 ff00 ff 0",
    "ff000000 ff00 ff ff0000",
    "ff ff00 ff0000 ff000000",
    "0 0 0 0",
  ],
};

/**
 * Reads the header.
 *
 * @param bytes The file.
 * @returns The header.
 * @throws {Error} If it is not whole, or the file is of a kind that is not read.
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) {
    throw new Error(`Cannot decode BMP: it has ${numberOf(bytes.length, "byte")}, less than its header`);
  }
  const headerBytes = view.getUint32(14, true);
  const isOld = headerBytes === 12;
  if (!HEADERS.includes(headerBytes) || bytes.length < 14 + headerBytes) {
    throw new Error(`Cannot decode BMP: a header of ${numberOf(headerBytes, "byte")} in a file of ${bytes.length}`);
  }
  const width = isOld ? view.getUint16(18, true) : view.getInt32(18, true);
  const storedHeight = isOld ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const palette = {
    start: 14 + headerBytes,
    entryBytes: isOld ? 3 : 4,
    colours: (isOld ? 0 : view.getUint32(46, true)) || 2 ** bits,
  };
  const paletteEnd = palette.start + palette.entryBytes * palette.colours;
  const start = view.getUint32(10, true);
  return {
    width,
    height: Math.abs(storedHeight),
    isTopDown: storedHeight < 0,
    bits,
    compression: isOld ? 0 : view.getUint32(30, true),
    palette,
    // Some writers leave the palette out of account, or say nothing.
    start: bits <= 8 && (start === palette.start || start === 0) ? paletteEnd : start,
  };
}

/**
 * Decodes a BMP.
 *
 * @param bytes The file.
 * @returns Its pixels; alpha is dropped.
 * @throws {Error} If the header is wrong, the coding is not read, or the file ends early.
 */
export function decodeBmp(bytes: Uint8Array): DecodedImage {
  const header = readBmpHeader(bytes);
  const { width, height, isTopDown, bits, compression } = header;
  checkSize("BMP", width, height);
  const found = `Cannot decode BMP of ${width} x ${height} pixels`;
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`${found}: ${bits} bits a pixel`);
  if (![0, RUNS_OF_BYTES, RUNS_OF_HALF_BYTES, WITH_MASKS].includes(compression)) {
    throw new Error(`${found}: its compression, number ${compression}, is not read`);
  }
  const isRuns = compression === RUNS_OF_BYTES || compression === RUNS_OF_HALF_BYTES;
  if ((isRuns && bits > 8) || (compression === WITH_MASKS && bits < 16)) {
    throw new Error(`${found}: compression number ${compression} of ${bits} bits a pixel`);
  }
  if (bits <= 8 && header.palette.colours > MOST_COLOURS) {
    throw new Error(`${found}: a palette of ${header.palette.colours} colours`);
  }
  const colours = readColours(bytes, header, found);
  const rows = isRuns
    ? { bytes: expandRuns(bytes, header, found), start: 0, rowBytes: width, bits: 8 }
    : { bytes, start: header.start, rowBytes: Math.ceil(width * bits / 32) * 4, bits };
  const expected = rows.start + rows.rowBytes * height;
  if (rows.bytes.length < expected) {
    throw new Error(`${found}: it ends after ${bytes.length} of ${numberOf(expected, "byte")}`);
  }
  const view = new DataView(rows.bytes.buffer, rows.bytes.byteOffset, rows.bytes.byteLength);
  const pixels = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = rows.start + rows.rowBytes * (isTopDown ? row : height - 1 - row);
    const line = pixels.subarray(row * width * 3, (row + 1) * width * 3);
    if ("channels" in colours) expandMasks(view, from, bits, colours.channels, line);
    else expandPalette(rows.bytes, from, rows.bits, colours.palette, line);
  }
  return { width, height, pixels };
}

function readColours(bytes: Uint8Array, { bits, compression, palette }: BmpHeader, found: string): Colours {
  if (bits <= 8) {
    const { start, entryBytes, colours } = palette;
    return { palette: coloursOf(bytes.subarray(start, start + entryBytes * colours), entryBytes) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = view.getUint32(14, true);
  const plain = { channels: (bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff]).map(channelOf) };
  if (compression !== WITH_MASKS) return plain;
  if (bytes.length < 66) throw new Error(`${found}: it ends within its masks`);
  const masks = [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)] as const;
  const alpha = headerBytes >= 56 ? view.getUint32(66, true) : 0;
  const written = (bits === 32 ? [...masks, alpha] : masks).map((mask) => mask.toString(16)).join(" ");
  if (!MASKS[bits].includes(written)) throw new Error(`${found}: its masks ${written} are not read`);
  return masks[0] === 0 ? plain : { channels: masks.map(channelOf) };
}

/**
 * Indices out of runs, a byte each, in the order of the file. As in Pillow, a run ends with its row, and what is passed
 * over is index 0.
 */
function expandRuns(
  bytes: Uint8Array,
  { width, height, compression, start }: BmpHeader,
  found: string,
): Uint8Array<ArrayBuffer> {
  const isHalves = compression === RUNS_OF_HALF_BYTES;
  const indices = new Uint8Array(width * height);
  let written = 0;
  let column = 0;
  let offset = start;
  while (written < indices.length && offset + 1 < bytes.length) {
    const [count, value] = [bytes[offset], bytes[offset + 1]];
    offset += 2;
    if (count > 0) {
      const end = Math.min(written + Math.min(count, Math.max(width - column, 0)), indices.length);
      column += end - written;
      for (let index = 0; written < end; index++, written++) {
        indices[written] = isHalves ? index % 2 === 0 ? value >> 4 : value & 15 : value;
      }
    } else if (value === 0) {
      written = Math.ceil(written / width) * width;
      column = 0;
    } else if (value === 1) break;
    else if (value === 2) {
      if (offset + 2 > bytes.length) break;
      written = Math.min(written + bytes[offset] + bytes[offset + 1] * width, indices.length);
      offset += 2;
      column = written % width;
    } else {
      const most = Math.min(value, indices.length - written);
      const copied = isHalves ? Math.ceil(most / 2) : most;
      if (offset + copied > bytes.length) break;
      for (let index = 0; index < most; index++, written++) {
        indices[written] = isHalves
          ? index % 2 === 0 ? bytes[offset + (index >> 1)] >> 4 : bytes[offset + (index >> 1)] & 15
          : bytes[offset + index];
      }
      offset += copied;
      column += value;
      // Runs begin at even places of the file.
      offset += offset % 2;
    }
  }
  if (written < indices.length) throw new Error(`${found}: its runs end after ${written} of ${indices.length} pixels`);
  return indices;
}

function expandPalette(
  bytes: Uint8Array,
  from: number,
  bits: number,
  colours: Uint8Array,
  line: Uint8Array,
): void {
  const perByte = 8 / bits;
  const most = 2 ** bits - 1;
  for (let to = 0, byte = from, place = 0; to < line.length;) {
    const at = ((bytes[byte] >> (8 - bits * (place + 1))) & most) * 3;
    line[to++] = colours[at];
    line[to++] = colours[at + 1];
    line[to++] = colours[at + 2];
    if (++place === perByte) {
      place = 0;
      byte++;
    }
  }
}

/** Red, green and blue of 256 indices; black beyond the palette, which stores blue first. */
function coloursOf(palette: Uint8Array, entryBytes: number): Uint8Array {
  return Uint8Array.from({ length: 768 }, (_, at) => palette[Math.floor(at / 3) * entryBytes + 2 - at % 3]);
}

function expandMasks(
  view: DataView,
  from: number,
  bits: number,
  [red, green, blue]: readonly Channel[],
  line: Uint8Array,
): void {
  const step = bits / 8;
  for (let to = 0, at = from; to < line.length; at += step) {
    const value = bits === 16
      ? view.getUint16(at, true)
      : bits === 24
      ? view.getUint16(at, true) | view.getUint8(at + 2) << 16
      : view.getUint32(at, true);
    line[to++] = red.levels[(value >>> red.shift) & red.most];
    line[to++] = green.levels[(value >>> green.shift) & green.most];
    line[to++] = blue.levels[(value >>> blue.shift) & blue.most];
  }
}

/** A colour of a pixel: where its bits are, its largest value, and the level of each value. */
interface Channel {
  readonly shift: number;
  readonly most: number;
  readonly levels: Uint8Array;
}

/** The masks that are read have 8 bits at most. */
function channelOf(mask: number): Channel {
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  const levels = Uint8Array.from({ length: most + 1 }, (_, value) => Math.floor(value * 255 / most));
  return { shift, most, levels };
}
