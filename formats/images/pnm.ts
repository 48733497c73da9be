/**
 * Netpbm's bit maps, grey and colour maps in text and in binary (`P1` to `P6`), and grey maps of floats (`Pf`), which
 * libvips as packaged with sharp does not read.
 *
 * @module
 */

import { checkSize, type DecodedImage } from "../base/pixels.ts";
import { roundEven } from "../base/number_formats.ts";
import { numberOf } from "../base/number_of.ts";
import type { StoredHeader } from "./image_format.ts";

/** The header of a PNM. */
export interface PnmHeader extends Pick<StoredHeader, "width" | "height"> {
  /** The second letter of its magic. */
  readonly kind: string;
  /** The largest sample; of floats their scale, negative if they are little-endian; 1 of bit maps, which say none. */
  readonly maximum: number;
  /** Where the samples begin. */
  readonly offset: number;
}

/** Characters of a number at most. */
const LONGEST_NUMBER = 10;
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]);

/**
 * Reads the header: magic, width, height and largest sample, with white space and comments between them; one white space
 * before the samples.
 *
 * @param bytes The file.
 * @returns The header.
 * @throws {Error} If it is not whole.
 */
export function readPnmHeader(bytes: Uint8Array): PnmHeader {
  const kind = String.fromCharCode(bytes[1]);
  const words = readWords(bytes, 2);
  const next = (pattern = /^\d+$/): number => {
    const text = words.next();
    if (!pattern.test(text)) throw new Error(`Cannot decode PNM: ${JSON.stringify(text)} in its header is no number`);
    return Number(text);
  };
  const [width, height] = [next(), next()];
  const maximum = kind === "1" || kind === "4" ? 1 : next(kind === "f" ? /^[-+]?[\d.]+$/ : undefined);
  return { width, height, kind, maximum, offset: words.offset };
}

/**
 * Decodes a PNM as Pillow does: samples are scaled from the stated maximum to 255, halves to the even side; grey of more
 * than 8 bits is scaled to 65,535 and then cut off at 255, floats are cut off at 0 and 255.
 *
 * @param bytes The file.
 * @returns The decoded image.
 * @throws {Error} If the header is wrong, a sample of a text is none, or the file ends early.
 */
export function decodePnm(bytes: Uint8Array): DecodedImage {
  const header = readPnmHeader(bytes);
  const { width, height, kind, maximum } = header;
  checkSize("PNM", width, height);
  const found = `Cannot decode PNM of ${width} x ${height} pixels`;
  if (kind === "f" ? !(maximum !== 0) : !(maximum >= 1 && maximum <= 65535)) {
    throw new Error(`${found}: its maximum is ${maximum}`);
  }
  const isColour = kind === "3" || kind === "6";
  const samples = readSamples(bytes, header, isColour ? 3 : 1, found);
  if (isColour) return { width, height, pixels: samples };
  const pixels = new Uint8Array(width * height * 3);
  for (let index = 0, to = 0; index < samples.length; index++) {
    pixels[to++] = samples[index];
    pixels[to++] = samples[index];
    pixels[to++] = samples[index];
  }
  return { width, height, pixels };
}

function readSamples(
  bytes: Uint8Array,
  { width, height, kind, maximum, offset }: PnmHeader,
  channels: number,
  found: string,
): Uint8Array<ArrayBuffer> {
  const rowBytes = rowBytesOf(kind, { width, maximum, channels });
  const expected = offset + rowBytes * height;
  if (bytes.length < expected) {
    throw new Error(`${found}: it ends after ${bytes.length} of ${numberOf(expected, "byte")}`);
  }
  const samples = new Uint8Array(width * height * channels);
  switch (kind) {
    case "1":
      readBits(bytes, offset, samples, found);
      break;
    case "2":
    case "3":
      readNumbers(bytes, offset, samples, scaling(maximum, channels), { maximum, found });
      break;
    case "4": {
      for (let index = 0; index < samples.length; index++) {
        const column = index % width;
        const byte = bytes[offset + (index - column) / width * rowBytes + (column >> 3)];
        samples[index] = (byte >> (7 - (column & 7)) & 1) === 1 ? 0 : 255;
      }
      break;
    }
    case "f": {
      const view = new DataView(bytes.buffer, bytes.byteOffset + offset, samples.length * 4);
      // The lowest row is the first.
      for (let index = 0; index < samples.length; index++) {
        const column = index % width;
        const from = (height - 1) * width - (index - column) + column;
        samples[index] = Math.min(Math.max(view.getFloat32(from * 4, maximum < 0), 0), 255);
      }
      break;
    }
    default: {
      const isWide = maximum > 255;
      const scale = scaling(maximum, channels);
      if (isWide) {
        for (let index = 0, at = offset; index < samples.length; index++, at += 2) {
          samples[index] = scale(bytes[at] * 256 + bytes[at + 1]);
        }
      } else {
        const scaled = Uint8Array.from({ length: 256 }, (_, sample) => scale(sample));
        for (let index = 0; index < samples.length; index++) samples[index] = scaled[bytes[offset + index]];
      }
    }
  }
  return samples;
}

/** From a sample to its level. */
function scaling(maximum: number, channels: number): (sample: number) => number {
  const most = maximum > 255 && channels === 1 ? 65535 : 255;
  return (sample) => Math.min(roundEven(sample / maximum * most), 255);
}

/** Bytes of a row, at least: in text a sample is a digit, and between numbers there is white space. */
function rowBytesOf(
  kind: string,
  { width, maximum, channels }: { readonly width: number; readonly maximum: number; readonly channels: number },
): number {
  switch (kind) {
    case "2":
    case "3":
      return (2 * width - 1) * channels;
    case "4":
      return Math.ceil(width / 8);
    case "f":
      return 4 * width;
    default:
      return width * channels * (maximum > 255 ? 2 : 1);
  }
}

/** The digits of a text bit map, which need no white space between them. */
function readBits(bytes: Uint8Array, offset: number, samples: Uint8Array, found: string): void {
  const characters = skipComments(bytes, offset);
  for (let index = 0; index < samples.length;) {
    const character = characters.next();
    if (character === -1) throw new Error(`${found}: it ends after ${index} of ${numberOf(samples.length, "sample")}`);
    if (WHITE_SPACE.has(character)) continue;
    if (character !== 0x30 && character !== 0x31) throw notASample(String.fromCharCode(character), found);
    samples[index++] = character === 0x30 ? 255 : 0;
  }
}

function readNumbers(
  bytes: Uint8Array,
  offset: number,
  samples: Uint8Array,
  scale: (sample: number) => number,
  { maximum, found }: { readonly maximum: number; readonly found: string },
): void {
  const words = readWords(bytes, offset);
  for (let index = 0; index < samples.length; index++) {
    const text = words.next();
    if (text === "") throw new Error(`${found}: it ends after ${index} of ${numberOf(samples.length, "sample")}`);
    const sample = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(sample <= maximum)) throw notASample(text, found);
    samples[index] = scale(sample);
  }
}

function notASample(text: string, found: string): Error {
  return new Error(`${found}: ${JSON.stringify(text)} is no sample`);
}

/** Words between white space; empty at the end. `offset` is after the white space that ended the last one. */
function readWords(bytes: Uint8Array, start: number): { next(): string; readonly offset: number } {
  const characters = skipComments(bytes, start);
  return {
    next() {
      let text = "";
      while (text.length <= LONGEST_NUMBER) {
        const character = characters.next();
        if (character === -1) break;
        if (!WHITE_SPACE.has(character)) text += String.fromCharCode(character);
        else if (text !== "") break;
      }
      return text;
    },
    get offset() {
      return characters.offset;
    },
  };
}

/** Characters without comments, which reach from `#` to the end of the line, also within a number; -1 at the end. */
function skipComments(bytes: Uint8Array, start: number): { next(): number; readonly offset: number } {
  let offset = start;
  return {
    next() {
      while (bytes[offset] === 0x23) {
        while (offset < bytes.length && bytes[offset] !== 0x0a && bytes[offset] !== 0x0d) offset++;
        offset++;
      }
      return offset < bytes.length ? bytes[offset++] : -1;
    },
    get offset() {
      return offset;
    },
  };
}
