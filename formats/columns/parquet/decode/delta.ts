/**
 * Delta encodings: integers as differences from the one before, texts as lengths and as what they share.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC
 */

import { unpackBits } from "./runs.ts";
import { readVarint, readZigzag } from "./thrift.ts";
import { numberOf } from "../../../base/number_of.ts";

/**
 * Reads DELTA_BINARY_PACKED.
 *
 * @param bytes Bytes that begin with the encoded values.
 * @param count How many integers are expected.
 * @returns The integers modulo 2^32, and where the bytes after them begin.
 * @throws {RangeError} If there is another number of them, or the bytes end too early.
 */
export function decodeDeltas(bytes: Uint8Array, count: number): { values: Int32Array; end: number } {
  const cursor = { bytes, offset: 0 };
  const { miniblocks, size } = readBlockSizes(cursor, count);
  const values = new Int32Array(count);
  const deltas = new Uint32Array(size);
  let value = readZigzag(cursor) | 0;
  if (count > 0) values[0] = value;
  let filled = 1;
  for (const { least, width, packed } of partsOf(cursor, count, { miniblocks, size, most: 32, read: readZigzag })) {
    unpackBits(packed, width, deltas);
    for (let index = 0; index < size && filled < count; index++) {
      value = value + (least | 0) + deltas[index] | 0;
      values[filled++] = value;
    }
  }
  return { values, end: cursor.offset };
}

/**
 * Reads DELTA_BINARY_PACKED of integers of 64 bits.
 *
 * @param bytes Bytes that begin with the encoded values.
 * @param count How many integers are expected.
 * @returns The integers modulo 2^64.
 * @throws {RangeError} If there is another number of them, or the bytes end too early.
 */
export function decodeWideDeltas(bytes: Uint8Array, count: number): BigInt64Array {
  const cursor = { bytes, offset: 0 };
  const { miniblocks, size } = readBlockSizes(cursor, count);
  const values = new BigInt64Array(count);
  let value = readWideZigzag(cursor);
  if (count > 0) values[0] = value;
  let filled = 1;
  for (const { least, width, packed } of partsOf(cursor, count, { miniblocks, size, most: 64, read: readWideZigzag })) {
    for (let index = 0; index < size && filled < count; index++) {
      value = BigInt.asIntN(64, value + least + unpackWide(packed, index * width, width));
      values[filled++] = value;
    }
  }
  return values;
}

/** The parts of all blocks: the least difference, and by how much the part's are more, packed in a width of bits. */
function* partsOf<Least>(
  cursor: { readonly bytes: Uint8Array; offset: number },
  count: number,
  { miniblocks, size, most, read }: {
    readonly miniblocks: number;
    readonly size: number;
    readonly most: number;
    readonly read: (at: typeof cursor) => Least;
  },
): Generator<{ least: Least; width: number; packed: Uint8Array }> {
  for (let left = count - 1; left > 0;) {
    const least = read(cursor);
    const widths = cursor.bytes.subarray(cursor.offset, cursor.offset + miniblocks);
    if (widths.length < miniblocks) throw new RangeError("a block ends too early");
    cursor.offset += miniblocks;
    for (let part = 0; part < miniblocks && left > 0; part++, left -= size) {
      const width = widths[part];
      if (width > most) throw new RangeError(`differences of ${width} bits`);
      const packed = cursor.bytes.subarray(cursor.offset, cursor.offset + size * width / 8);
      cursor.offset += packed.length;
      yield { least, width, packed };
    }
  }
}

/** An unsigned integer of a number of bits that begins at one, the lowest bit first. */
function unpackWide(packed: Uint8Array, start: number, width: number): bigint {
  let value = 0n;
  for (let bit = 0; bit < width;) {
    const place = start + bit;
    if (place >> 3 >= packed.length) throw new RangeError("a block ends too early");
    const taken = Math.min(8 - (place & 7), width - bit);
    value |= BigInt(packed[place >> 3] >> (place & 7) & (1 << taken) - 1) << BigInt(bit);
    bit += taken;
  }
  return value;
}

function readWideZigzag(cursor: { readonly bytes: Uint8Array; offset: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.offset++];
    if (byte === undefined) throw new RangeError("a block ends too early");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return BigInt.asIntN(64, value >> 1n ^ -(value & 1n));
  }
  throw new RangeError(`integer at byte ${cursor.offset} has no end`);
}

/** The head of DELTA_BINARY_PACKED: how many parts a block has, and how many differences a part. */
function readBlockSizes(
  cursor: { readonly bytes: Uint8Array; offset: number },
  count: number,
): { miniblocks: number; size: number } {
  const blockSize = readVarint(cursor);
  const miniblocks = readVarint(cursor);
  const total = readVarint(cursor);
  const size = blockSize / miniblocks;
  if (total !== count) throw new RangeError(`${numberOf(total, "difference")}, expected ${count}`);
  if (!Number.isInteger(size) || size < 8 || size % 8 !== 0 || blockSize > 65536) {
    throw new RangeError(`blocks of ${numberOf(blockSize, "difference")} in ${numberOf(miniblocks, "part")}`);
  }
  return { miniblocks, size };
}

/**
 * Reads DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
 *
 * @param bytes The encoded texts.
 * @param count How many texts are expected.
 * @returns The bytes of each text.
 * @throws {RangeError} If the bytes end too early.
 */
export function decodeDeltaLengths(bytes: Uint8Array, count: number): Uint8Array[] {
  const { values: lengths, end } = decodeDeltas(bytes, count);
  let offset = end;
  return Array.from(lengths, (length) => {
    if (length < 0 || offset + length > bytes.length) {
      throw new RangeError(`a text of ${numberOf(length, "byte")} ends too late`);
    }
    offset += length;
    return bytes.subarray(offset - length, offset);
  });
}
