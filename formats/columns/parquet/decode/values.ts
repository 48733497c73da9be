/**
 * The values of a page.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { bytesOf } from "../../../base/bytes.ts";
import { type ColumnValues, VALUE_ARRAYS, type ValueType } from "../../columns.ts";
import { ENCODINGS } from "../format.ts";
import { decodeDeltaLengths, decodeDeltas } from "./delta.ts";
import { decodeRuns } from "./runs.ts";
import { numberOf } from "../../../base/number_of.ts";

/**
 * Reads values.
 *
 * @param bytes The encoded values, and nothing after them.
 * @param encoding Parquet's number.
 * @param count How many are expected.
 * @param type What they are.
 * @param dictionary What positions refer to, where the chunk has one.
 * @returns The values; `float16` as bit patterns.
 * @throws {RangeError} If there are fewer, one is out of range, or the encoding is not one that is read here.
 */
export function decodeValues(
  bytes: Uint8Array,
  encoding: number,
  count: number,
  type: ValueType,
  dictionary?: ColumnValues["values"],
): ColumnValues["values"] {
  switch (encoding) {
    case ENCODINGS.PLAIN:
      if (type === "utf8") return decodeTexts(plainTexts(bytes, count));
      return narrow(bytes.slice(0, sized(bytes, count * storedWidth(type))), type);
    case ENCODINGS.PLAIN_DICTIONARY:
    case ENCODINGS.RLE_DICTIONARY:
      if (!dictionary) throw new RangeError("a page refers to a dictionary that is not there");
      return lookUp(bytes, count, dictionary);
    case ENCODINGS.DELTA_BINARY_PACKED:
      if (type === "utf8" || type === "float16" || type === "float32") break;
      return narrow(bytesOf(decodeDeltas(bytes, count).values), type);
    case ENCODINGS.DELTA_LENGTH_BYTE_ARRAY:
      if (type !== "utf8") break;
      return decodeTexts(decodeDeltaLengths(bytes, count));
    case ENCODINGS.BYTE_STREAM_SPLIT:
      if (type === "utf8") break;
      return narrow(joinByteStreams(bytes, count, storedWidth(type)), type);
  }
  throw new RangeError(`encoding ${encoding} of ${type} values is not read here`);
}

/** Bytes of a stored value. */
function storedWidth(type: Exclude<ValueType, "utf8">): number {
  return type === "float16" ? 2 : 4;
}

/** A number of bytes that must be there. */
function sized(bytes: Uint8Array, size: number): number {
  if (size > bytes.length) throw new RangeError(`${numberOf(size, "byte")} of values expected, ${bytes.length} left`);
  return size;
}

/** Stored values as what they stand for: small unsigned integers are stored in 32 bits. */
function narrow(
  bytes: Uint8Array,
  type: Exclude<ValueType, "utf8">,
): Exclude<ColumnValues["values"], readonly string[]> {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array<ArrayBuffer>;
  if (type !== "uint8" && type !== "uint16") {
    const Values = VALUE_ARRAYS[type];
    return new Values(buffer, byteOffset, byteLength / Values.BYTES_PER_ELEMENT);
  }
  const wide = new Uint32Array(buffer, byteOffset, byteLength / 4);
  const values = new VALUE_ARRAYS[type](wide.length);
  let all = 0;
  for (let index = 0; index < wide.length; index++) {
    values[index] = wide[index];
    all |= wide[index];
  }
  if (all >>> 8 * values.BYTES_PER_ELEMENT !== 0) throw new RangeError(`a value is not a ${type}`);
  return values;
}

function lookUp(bytes: Uint8Array, count: number, dictionary: ColumnValues["values"]): ColumnValues["values"] {
  if (count === 0) return dictionary.slice(0, 0);
  const positions = bytes[0] <= 16 ? new Uint16Array(count) : new Uint32Array(count);
  decodePositions(bytes, positions);
  if (Array.isArray(dictionary)) {
    return Array.from(positions, (position) => dictionary[checkPosition(position, dictionary.length)]);
  }
  const table = patterns(dictionary as Exclude<ColumnValues["values"], readonly string[]>);
  const values = new (table.constructor as new (length: number) => typeof table)(count);
  const largest = table instanceof Uint16Array ? pick16(positions, table, values) : pick(positions, table, values);
  checkPosition(largest, table.length);
  const Type = dictionary.constructor as new (buffer: ArrayBufferLike) => ColumnValues["values"];
  return new Type(values.buffer);
}

/**
 * Reads positions in a dictionary: their bits (a byte), then runs of them.
 *
 * @param bytes The bytes.
 * @param positions An array for them, which is filled.
 * @throws {RangeError} If they are not all there.
 */
export function decodePositions(bytes: Uint8Array, positions: Uint16Array | Uint32Array): void {
  if (positions.length === 0) return;
  if (bytes.length === 0) throw new RangeError("positions in the dictionary are missing");
  decodeRuns(bytes.subarray(1), bytes[0], positions);
}

/** Takes values at positions; the largest position, of which the caller sees whether it is too large. */
function pick(positions: Uint16Array | Uint32Array, table: Uint8Array | Uint32Array, values: ArrayWritable): number {
  let largest = 0;
  for (let index = 0; index < positions.length; index++) {
    const position = positions[index];
    if (position > largest) largest = position;
    values[index] = table[position];
  }
  return largest;
}

/** Picks values of 16 bits: a function of its own is twice as fast, and these are the values that count. */
function pick16(positions: Uint16Array | Uint32Array, table: Uint16Array, values: ArrayWritable): number {
  let largest = 0;
  for (let index = 0; index < positions.length; index++) {
    const position = positions[index];
    if (position > largest) largest = position;
    values[index] = table[position];
  }
  return largest;
}

interface ArrayWritable {
  [index: number]: number;
}

/**
 * Refuses a position that is not in a dictionary.
 *
 * @param position The position.
 * @param length How many values the dictionary has.
 * @returns The position.
 * @throws {RangeError} If it is none of them.
 */
export function checkPosition(position: number, length: number): number {
  if (position >= length) throw new RangeError(`position ${position} is not in the dictionary of ${length}`);
  return position;
}

/** Values as the integers of their width: three kinds of arrays, which one loop takes without becoming slow. */
function patterns(values: Exclude<ColumnValues["values"], readonly string[]>): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, length } = values;
  switch (values.BYTES_PER_ELEMENT) {
    case 1:
      return new Uint8Array(buffer, byteOffset, length);
    case 2:
      return new Uint16Array(buffer, byteOffset, length);
    default:
      return new Uint32Array(buffer, byteOffset, length);
  }
}

/**
 * Joins BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.
 *
 * @param bytes The bytes.
 * @param count How many values there are.
 * @param width Bytes of a value; those of 2 and 4 are joined fast.
 * @returns The values, one after the other.
 * @throws {RangeError} If they are not all there.
 */
export function joinByteStreams(bytes: Uint8Array, count: number, width: number): Uint8Array {
  sized(bytes, count * width);
  if (width === 2) {
    const values = new Uint16Array(count);
    for (let index = 0; index < count; index++) values[index] = bytes[index] | bytes[count + index] << 8;
    return bytesOf(values);
  }
  if (width === 4) {
    const values = new Uint32Array(count);
    const [second, third, fourth] = [count, 2 * count, 3 * count];
    for (let index = 0; index < count; index++) {
      values[index] = bytes[index] | bytes[second + index] << 8 | bytes[third + index] << 16 |
        bytes[fourth + index] << 24;
    }
    return bytesOf(values);
  }
  const values = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte++) {
    for (let index = 0; index < count; index++) values[index * width + byte] = bytes[byte * count + index];
  }
  return values;
}

/** Each text as its length in bytes (32 bits) and its UTF-8. */
function plainTexts(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  return Array.from({ length: count }, () => {
    sized(bytes, offset + 4);
    const length = view.getUint32(offset, true);
    const start = offset + 4;
    offset = sized(bytes, start + length);
    return bytes.subarray(start, offset);
  });
}

function decodeTexts(texts: readonly Uint8Array[]): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return texts.map((text) => decoder.decode(text));
}
