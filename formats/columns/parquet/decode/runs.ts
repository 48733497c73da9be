/**
 * Runs: Parquet's encoding of levels and of positions in a dictionary. A run is one value many times, or groups of eight
 * values of a few bits each.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */

import { bytesOf } from "../../../base/bytes.ts";
import { readVarint } from "./thrift.ts";
import { numberOf } from "../../../base/number_of.ts";

/** Where small integers are unpacked to. */
export type UnpackedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * Reads runs.
 *
 * @param bytes The encoded runs, and nothing after them.
 * @param bits Bits of a value, 0 to 32.
 * @param values Filled from its start to its end.
 * @throws {RangeError} If there are fewer values.
 */
export function decodeRuns(bytes: Uint8Array, bits: number, values: UnpackedArray): void {
  if (bits > 32) throw new RangeError(`values of ${bits} bits`);
  const cursor = { bytes, offset: 0 };
  const width = Math.ceil(bits / 8);
  for (let filled = 0; filled < values.length;) {
    const header = readVarint(cursor);
    const left = values.length - filled;
    if (header % 2 === 0) {
      if (cursor.offset + width > bytes.length) throw new RangeError("a run ends too early");
      let value = 0;
      for (let index = 0; index < width; index++) value += bytes[cursor.offset++] * 2 ** (8 * index);
      const length = Math.min(header / 2, left);
      if (length === 0) throw new RangeError("a run is empty");
      values.fill(value, filled, filled + length);
      filled += length;
    } else {
      const groups = (header - 1) / 2;
      const length = Math.min(groups * 8, left);
      if (length === 0) throw new RangeError("a run is empty");
      const packed = bytes.subarray(cursor.offset, cursor.offset + groups * bits);
      unpackBits(packed, bits, values.subarray(filled, filled + length));
      cursor.offset += groups * bits;
      filled += length;
    }
  }
}

/**
 * Whether runs are a single one of a value below 256.
 *
 * @param bytes The encoded runs.
 * @param value The value.
 * @param count How many are expected.
 */
export function isOneRun(bytes: Uint8Array, value: number, count: number): boolean {
  const cursor = { bytes, offset: 0 };
  const header = readVarint(cursor);
  return header % 2 === 0 && header / 2 >= count && bytes[cursor.offset] === value;
}

/**
 * Reads integers of a few bits each, the lowest bit first.
 *
 * @param packed The packed values.
 * @param bits Bits of each value, 0 to 32.
 * @param values Filled from its start to its end.
 * @throws {RangeError} If there are fewer values.
 */
export function unpackBits(packed: Uint8Array, bits: number, values: UnpackedArray): void {
  const size = Math.ceil(values.length * bits / 8);
  if (size > packed.length) {
    throw new RangeError(`${numberOf(size, "byte")} of packed values expected, ${packed.length} left`);
  }
  if (bits === 0) values.fill(0);
  else if (bits === 8) values.set(packed.subarray(0, values.length));
  else if (bits === 16 && values instanceof Uint16Array) bytesOf(values).set(packed.subarray(0, size));
  else {
    const padded = new Uint8Array(size + 8);
    padded.set(packed.subarray(0, size));
    const view = new DataView(padded.buffer);
    const mask = bits === 32 ? 0xffffffff : 2 ** bits - 1;
    for (let index = 0, place = 0; index < values.length; index++, place += bits) {
      const byte = Math.floor(place / 8);
      const shift = place % 8;
      const low = view.getUint32(byte, true) >>> shift;
      values[index] = (shift === 0 ? low : low | padded[byte + 4] << (32 - shift)) & mask;
    }
  }
}

/** Bits that hold the numbers from 0 to a level. */
export function bitWidth(level: number): number {
  return 32 - Math.clz32(level);
}
