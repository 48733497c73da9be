/**
 * Thrift's compact protocol, as far as Parquet's headers and footer need it: how bytes become structures.
 *
 * @module
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

import { numberOf } from "../../../base/number_of.ts";

/** A value as it was found; strings are bytes. */
export type Thrift = boolean | number | Uint8Array | readonly Thrift[] | ThriftStruct;

/** The fields of a structure by their numbers. */
export interface ThriftStruct {
  readonly [field: number]: Thrift;
}

/** Structures within structures, at most; Parquet's own are five deep. */
const MOST_DEPTH = 16;

/** Values in a structure, at most: each takes some fifty bytes of memory, and need not take more than one of a file. */
const MOST_VALUES = 2 ** 22;

/** A place in bytes, which reading moves on. */
interface Cursor {
  readonly bytes: Uint8Array;
  offset: number;
}

/** A place, and how many values were read. */
interface CountingCursor extends Cursor {
  values: number;
}

/**
 * Reads a structure.
 *
 * @param bytes Bytes that hold the structure.
 * @param start Offset of its first byte.
 * @returns Its fields, and where the bytes after it begin.
 * @throws {RangeError} If the bytes end within it, or it is not one.
 */
export function decodeThrift(bytes: Uint8Array, start = 0): { readonly fields: ThriftStruct; readonly end: number } {
  const cursor = { bytes, offset: start, values: 0 };
  const fields = readStruct(cursor, 0);
  return { fields, end: cursor.offset };
}

/**
 * Finds a field of a structure.
 *
 * @param bytes Bytes that begin with the structure.
 * @param wanted The field's number.
 * @returns Where its value begins, and where the bytes after it do; undefined if the structure has no such field.
 * @throws {RangeError} If the bytes end before it, or are no structure.
 */
export function findField(
  bytes: Uint8Array,
  wanted: number,
): { readonly start: number; readonly end: number } | undefined {
  const cursor = { bytes, offset: 0, values: 0 };
  for (let field = 0;;) {
    const header = readHeader(cursor, field);
    if (!header) return undefined;
    const start = cursor.offset;
    if (header.type > 2) readValue(cursor, header.type, 0);
    if (header.field === wanted) return { start, end: cursor.offset };
    field = header.field;
  }
}

/**
 * Reads an unsigned integer, seven bits per byte, the lowest first.
 *
 * @param cursor The place of its first byte; moved past its last.
 * @returns The integer, rounded from 2^53 on.
 * @throws {RangeError} If the bytes end before it does, or it has more than ten.
 */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let length = 0; length < 10; length++) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
  throw new RangeError(`integer at byte ${cursor.offset} has no end`);
}

/** Reads a signed integer: 0, -1, 1, -2, ... are 0, 1, 2, 3, ... */
export function readZigzag(cursor: Cursor): number {
  const value = readVarint(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function readByte(cursor: Cursor): number {
  if (cursor.offset >= cursor.bytes.length) throw new RangeError(`bytes end at ${cursor.bytes.length}`);
  return cursor.bytes[cursor.offset++];
}

function readBytes(cursor: Cursor, length: number): Uint8Array {
  const left = cursor.bytes.length - cursor.offset;
  if (length > left) throw new RangeError(`${numberOf(length, "byte")} expected, ${left} left`);
  cursor.offset += length;
  return cursor.bytes.subarray(cursor.offset - length, cursor.offset);
}

function readStruct(cursor: CountingCursor, depth: number): ThriftStruct {
  if (depth > MOST_DEPTH) throw new RangeError(`structures are nested deeper than ${MOST_DEPTH}`);
  const fields: Record<number, Thrift> = {};
  for (let field = 0;;) {
    const header = readHeader(cursor, field);
    if (!header) return fields;
    field = header.field;
    fields[field] = header.type <= 2 ? header.type === 1 : readValue(cursor, header.type, depth);
  }
}

/** The number of the next field, and the type of its value, of which 1 and 2 are true and false; undefined at the end. */
function readHeader(cursor: Cursor, last: number): { readonly field: number; readonly type: number } | undefined {
  const byte = readByte(cursor);
  const type = byte & 15;
  if (type === 0) return undefined;
  return { field: byte >> 4 === 0 ? readZigzag(cursor) : last + (byte >> 4), type };
}

function readValue(cursor: CountingCursor, type: number, depth: number): Thrift {
  if (++cursor.values > MOST_VALUES) throw new RangeError(`there are more than ${MOST_VALUES} values`);
  switch (type) {
    case 1:
    case 2:
      return readByte(cursor) === 1;
    case 3:
      return readByte(cursor) << 24 >> 24;
    case 4:
    case 5:
    case 6:
      return readZigzag(cursor);
    case 7:
      return readBytes(cursor, 8);
    case 8:
      return readBytes(cursor, readVarint(cursor));
    case 9:
    case 10: {
      const byte = readByte(cursor);
      const length = byte >> 4 === 15 ? readVarint(cursor) : byte >> 4;
      const left = cursor.bytes.length - cursor.offset;
      if (length > left) throw new RangeError(`list of ${length} expected, ${numberOf(left, "byte")} left`);
      if (depth >= MOST_DEPTH) throw new RangeError(`lists are nested deeper than ${MOST_DEPTH}`);
      return Array.from({ length }, () => readValue(cursor, byte & 15, depth + 1));
    }
    case 12:
      return readStruct(cursor, depth + 1);
    default:
      throw new RangeError(`type ${type} at byte ${cursor.offset} is unknown`);
  }
}
