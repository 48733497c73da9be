/**
 * The values of a page of any Parquet file, taken from it one after the other. Before the first is given it is seen that
 * all are there: of a damaged page none is.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { numberOf } from "../base/number_of.ts";
import { decodeDeltas, decodeWideDeltas } from "../columns/parquet/decode/delta.ts";
import { decodeRuns } from "../columns/parquet/decode/runs.ts";
import { ENCODINGS, PHYSICAL_TYPES } from "../columns/parquet/format.ts";
import { LARGEST_IMAGE_FILE } from "./image_file.ts";
import type { ValueColumn } from "./parquet_schema.ts";
import { concatenate } from "../base/bytes.ts";
import { checkPosition, decodePositions, joinByteStreams } from "../columns/parquet/decode/values.ts";

/** A value as it is stored. */
export type Value = number | bigint | Uint8Array;

/** Values that pages refer to. */
export interface Dictionary {
  readonly length: number;
  at(index: number): Value;
}

/**
 * Reads a dictionary.
 *
 * @param bytes Its page, unpacked.
 * @param length How many values it has.
 * @param column The column's type and levels.
 * @returns The dictionary's values.
 * @throws {RangeError} If they are not all there.
 */
export function dictionaryOf(bytes: Uint8Array, length: number, column: ValueColumn): Dictionary {
  if (column.physical !== PHYSICAL_TYPES.BYTE_ARRAY) {
    return { length, at: fixedValues(bytes, length, column) };
  }
  // Where each begins: an array of their own bytes each would take many times as much memory.
  const starts = new Uint32Array(length + 1);
  const next = plainBytes(bytes, length);
  for (let index = 0, end = 0; index < length; index++) {
    starts[index] = end;
    end += 4 + next().length;
    starts[index + 1] = end;
  }
  return { length, at: (index) => bytes.subarray(starts[index] + 4, starts[index + 1]) };
}

/**
 * Begins to take values from a page.
 *
 * @param bytes The values.
 * @param encoding Parquet's number.
 * @param count How many there are.
 * @param column The column's type and levels.
 * @param readDictionary Gives the dictionary of the chunk, undefined if it has none.
 * @returns What gives one after the other.
 * @throws {RangeError} If they are not all there, or the encoding is not one that is read here.
 */
export function valuesOf(
  bytes: Uint8Array,
  encoding: number,
  count: number,
  column: ValueColumn,
  readDictionary: () => Dictionary | undefined,
): () => Value {
  const { physical } = column;
  let index = 0;
  switch (encoding) {
    case ENCODINGS.PLAIN: {
      if (physical === PHYSICAL_TYPES.BYTE_ARRAY) return plainBytes(bytes, count);
      const at = fixedValues(bytes, count, column);
      return () => at(index++);
    }
    case ENCODINGS.PLAIN_DICTIONARY:
    case ENCODINGS.RLE_DICTIONARY: {
      const dictionary = readDictionary();
      if (!dictionary) throw new RangeError("a page refers to a dictionary that is not there");
      const positions = new Uint32Array(count);
      decodePositions(bytes, positions);
      for (const position of positions) checkPosition(position, dictionary.length);
      return () => dictionary.at(positions[index++]);
    }
    case ENCODINGS.RLE: {
      if (physical !== PHYSICAL_TYPES.BOOLEAN) break;
      const length = bytes.length < 4 ? NaN : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      if (!(4 + length <= bytes.length)) throw new RangeError("runs are longer than their page");
      const values = new Uint8Array(count);
      decodeRuns(bytes.subarray(4, 4 + length), 1, values);
      return () => values[index++];
    }
    case ENCODINGS.DELTA_BINARY_PACKED: {
      if (physical === PHYSICAL_TYPES.INT32) {
        const { values } = decodeDeltas(bytes, count);
        return () => column.isUnsigned ? values[index++] >>> 0 : values[index++];
      }
      if (physical !== PHYSICAL_TYPES.INT64) break;
      const values = decodeWideDeltas(bytes, count);
      return () => column.isUnsigned ? BigInt.asUintN(64, values[index++]) : values[index++];
    }
    case ENCODINGS.DELTA_LENGTH_BYTE_ARRAY:
      if (physical !== PHYSICAL_TYPES.BYTE_ARRAY) break;
      return deltaLengthBytes(bytes, count).next;
    case ENCODINGS.DELTA_BYTE_ARRAY:
      if (physical !== PHYSICAL_TYPES.BYTE_ARRAY) break;
      return deltaBytes(bytes, count);
    case ENCODINGS.BYTE_STREAM_SPLIT: {
      if (column.width === 0) break;
      const at = fixedValues(joinByteStreams(bytes, count, column.width), count, column);
      return () => at(index++);
    }
  }
  throw new RangeError(`encoding ${encoding} of ${column.description} values is not read here`);
}

/** Values of as many bytes each. */
function fixedValues(bytes: Uint8Array, count: number, column: ValueColumn): (index: number) => Value {
  const { physical, width, isUnsigned } = column;
  const size = physical === PHYSICAL_TYPES.BOOLEAN ? Math.ceil(count / 8) : count * width;
  if (size > bytes.length) throw new RangeError(`${numberOf(size, "byte")} of values expected, ${bytes.length} left`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (physical) {
    case PHYSICAL_TYPES.BOOLEAN:
      return (index) => bytes[index >> 3] >> (index & 7) & 1;
    case PHYSICAL_TYPES.INT32:
      return (index) => isUnsigned ? view.getUint32(4 * index, true) : view.getInt32(4 * index, true);
    case PHYSICAL_TYPES.INT64:
      return (index) => isUnsigned ? view.getBigUint64(8 * index, true) : view.getBigInt64(8 * index, true);
    case PHYSICAL_TYPES.FLOAT:
      return (index) => view.getFloat32(4 * index, true);
    case PHYSICAL_TYPES.DOUBLE:
      return (index) => view.getFloat64(8 * index, true);
    case PHYSICAL_TYPES.FIXED_LEN_BYTE_ARRAY:
      if (width === 2) return (index) => view.getFloat16(2 * index, true);
  }
  throw new RangeError(`${column.description} values are not read here`);
}

/** Each as its length in 32 bits and its bytes. All are looked through first: of a damaged page no value is given. */
function plainBytes(bytes: Uint8Array, count: number): () => Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const endAfter = (offset: number) => offset + 4 + view.getUint32(offset, true);
  for (let index = 0, offset = 0; index < count; index++) {
    if (offset + 4 > bytes.length) throw new RangeError(`${numberOf(count, "value")} expected, ${index} are there`);
    offset = endAfter(offset);
    if (offset > bytes.length) throw new RangeError(`value ${index} of ${count} ends after its page`);
  }
  let offset = 0;
  return () => {
    const start = offset + 4;
    offset = endAfter(offset);
    return bytes.subarray(start, offset);
  };
}

/** All lengths, then all bytes. */
function deltaLengthBytes(bytes: Uint8Array, count: number): { lengths: Int32Array; next: () => Uint8Array } {
  const { values: lengths, end } = decodeDeltas(bytes, count);
  let total = end;
  for (const length of lengths) {
    total += length;
    if (length < 0 || total > bytes.length) throw new RangeError("a value ends after its page");
  }
  let [index, offset] = [0, end];
  return { lengths, next: () => bytes.subarray(offset, offset += lengths[index++]) };
}

/** How many bytes each shares with the one before it, then the rest of each. */
function deltaBytes(bytes: Uint8Array, count: number): () => Uint8Array {
  const { values: shared, end } = decodeDeltas(bytes, count);
  const { lengths, next } = deltaLengthBytes(bytes.subarray(end), count);
  for (let index = 0, last = 0; index < count; index++) {
    if (shared[index] < 0 || shared[index] > last) {
      throw new RangeError(`a value shares ${numberOf(shared[index], "byte")} with one of ${last}`);
    }
    last = shared[index] + lengths[index];
    if (last > LARGEST_IMAGE_FILE) throw new RangeError(`a value has ${numberOf(last, "byte")}`);
  }
  let index = 0;
  let last = new Uint8Array(0);
  return () => {
    const length = shared[index++];
    last = concatenate([last.subarray(0, length), next()]);
    return last;
  };
}
