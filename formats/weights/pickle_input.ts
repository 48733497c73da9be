/**
 * The bytes of a pickle, taken from the first to the last.
 *
 * @module
 */

import { unreadable } from "../base/files.ts";

/** Where the reading of a pickle is. */
export interface PickleInput {
  /** The file, for messages. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** What is wrong if the bytes end too early. */
  readonly cut: string;
  /** The next byte. */
  position: number;
}

/**
 * Passes over bytes.
 *
 * @param input Where the reading is.
 * @param length Number of bytes.
 * @returns The first of them.
 * @throws {TypeError} If there are not as many.
 */
export function take(input: PickleInput, length: number): number {
  const start = input.position;
  if (start + length > input.bytes.length) throw unreadable(input.path, input.cut);
  input.position = start + length;
  return start;
}

/** The next byte as a number. */
export function takeByte(input: PickleInput): number {
  return input.bytes[take(input, 1)];
}

/** The next four bytes as a number. */
export function takeUint32(input: PickleInput): number {
  return input.view.getUint32(take(input, 4), true);
}

/** The next eight bytes as a number, above 2^53 the nearest. */
export function takeUint64(input: PickleInput): number {
  return Number(input.view.getBigUint64(take(input, 8), true));
}

/**
 * Takes a little-endian two's complement number.
 *
 * @param input Where the reading is.
 * @param length Number of bytes.
 * @returns The number.
 */
export function takeInteger(input: PickleInput, length: number): number | bigint {
  const start = take(input, length);
  if (length === 0) return 0;
  const digits = input.bytes.slice(start, input.position).reverse().toHex();
  const value = BigInt.asIntN(length * 8, BigInt(`0x${digits}`));
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** Takes bytes. */
export function takeBytes(input: PickleInput, length: number): Uint8Array<ArrayBuffer> {
  const start = take(input, length);
  return input.bytes.slice(start, input.position) as Uint8Array<ArrayBuffer>;
}

// A byte order mark is a character like others, and what is no UTF-8 must not become a name that another text has too.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts up to this length are made without the decoder, whose call costs more than they do. */
const SHORT_TEXT = 24;

/**
 * Takes a text.
 *
 * @param input Where the reading is.
 * @param length Number of bytes.
 * @returns The text.
 * @throws {TypeError} If it is not UTF-8.
 */
export function takeText(input: PickleInput, length: number): string {
  const start = take(input, length);
  return (length <= SHORT_TEXT ? asciiText(input.bytes, start, length) : undefined) ?? decode(input, start, length);
}

/** Takes a text up to the end of its line. */
export function takeLine(input: PickleInput): string {
  const end = input.bytes.indexOf(0x0a, input.position);
  if (end < 0) throw unreadable(input.path, input.cut);
  const text = takeText(input, end - input.position);
  input.position++;
  return text;
}

function asciiText(bytes: Uint8Array, start: number, length: number): string | undefined {
  let text = "";
  for (let index = start; index < start + length; index++) {
    if (bytes[index] > 0x7f) return undefined;
    text += String.fromCharCode(bytes[index]);
  }
  return text;
}

function decode(input: PickleInput, start: number, length: number): string {
  try {
    return utf8.decode(input.bytes.subarray(start, start + length));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw unreadable(input.path, `its pickle has a text at byte ${start} that is not UTF-8`);
  }
}
