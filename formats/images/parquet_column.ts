/**
 * The values of a column of any Parquet file, row by row. Of a column chunk one page is in memory at a time, and its
 * values are taken from it as they are asked for, so that memory is bounded by the largest page and not by what a file
 * claims.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { decodeDeltas, decodeWideDeltas } from "../labels/parquet/decode/delta.ts";
import type { ChunkPosition, SchemaElement } from "../labels/parquet/decode/footer.ts";
import { findPages, type Page, readPage, splitPage } from "../labels/parquet/decode/page.ts";
import { bitWidth, decodeRuns } from "../labels/parquet/decode/runs.ts";
import { decompress } from "../labels/parquet/decode/decompress.ts";
import { ENCODINGS, PHYSICAL_NAMES, PHYSICAL_TYPES, REPETITION } from "../labels/parquet/format.ts";
import type { RandomAccessFile } from "../labels/random_access.ts";
import { LARGEST_IMAGE_FILE } from "./image_file.ts";
import { releaseBytes } from "./pixels.ts";
import { numberOf } from "../number_of.ts";

/** Bytes of a page and of what it becomes: some writers put a thousand images into one. Both together stay below a gigabyte. */
const LARGEST_PAGE = 400_000_000;

/** What is stored. */
export type Value = number | bigint | Uint8Array;

/** A column of values that is not within a list. */
export interface ValueColumn {
  /** Position among the chunks of a row group. */
  readonly position: number;
  /** In Parquet's words: `utf8`, `int64`, `byte_array`. */
  readonly description: string;
  /** Parquet's number of the physical type. */
  readonly physical: number;
  readonly kind: "number" | "text" | "bytes" | "other";
  readonly isUnsigned: boolean;
  /** Bytes of a value, where all have as many. */
  readonly width: number;
  /** Definition level of a value that is there. */
  readonly definition: number;
}

/** Numbers of the older annotations, in Parquet's order. */
const CONVERTED_TYPES =
  ("utf8 map map_key_value list enum decimal date time_millis time_micros timestamp_millis timestamp_micros uint_8 uint_16 " +
    "uint_32 uint_64 int_8 int_16 int_32 int_64 json bson interval").split(" ");

/** What the newer annotations are called, by their fields. */
const LOGICAL_TYPES: Readonly<Record<number, string>> = {
  1: "utf8",
  2: "map",
  3: "list",
  4: "enum",
  5: "decimal",
  6: "date",
  7: "time",
  8: "timestamp",
  11: "null",
  12: "json",
  13: "bson",
  14: "uuid",
  15: "float16",
};

const WIDTHS: Readonly<Record<number, number>> = {
  [PHYSICAL_TYPES.INT32]: 4,
  [PHYSICAL_TYPES.INT64]: 8,
  [PHYSICAL_TYPES.FLOAT]: 4,
  [PHYSICAL_TYPES.DOUBLE]: 8,
};

/**
 * Describes an element of the schema.
 *
 * @param element The element.
 * @param definitionAbove Definition level of what holds it.
 * @returns What its values are, or undefined if it is a structure or repeated.
 */
export function valueColumn(element: SchemaElement, definitionAbove = 0): ValueColumn | undefined {
  const { fields, repetition, children, leavesBefore } = element;
  const physical = fields[1];
  if (children.length > 0 || repetition === REPETITION.repeated || typeof physical !== "number") return undefined;
  const { annotation, isUnsigned } = annotationOf(element);
  const isFloat16 = annotation === "float16" && fields[2] === 2;
  return {
    position: leavesBefore,
    description: annotation ?? PHYSICAL_NAMES[physical] ?? `type ${physical}`,
    physical,
    kind: kindOf(physical, annotation, isFloat16),
    isUnsigned,
    width: isFloat16 ? 2 : WIDTHS[physical] ?? 0,
    definition: definitionAbove + (repetition === REPETITION.optional ? 1 : 0),
  };
}

function annotationOf({ fields }: SchemaElement): { annotation?: string; isUnsigned: boolean } {
  const logical = fields[10];
  if (typeof logical === "object" && !Array.isArray(logical) && !(logical instanceof Uint8Array)) {
    const [[field, value] = []] = Object.entries(logical);
    if (field === "10" && typeof value === "object") {
      const { 1: bits, 2: isSigned } = value as Record<number, unknown>;
      return { annotation: `${isSigned ? "" : "u"}int_${bits}`, isUnsigned: isSigned !== true };
    }
    if (field !== undefined) return { annotation: LOGICAL_TYPES[Number(field)] ?? `type ${field}`, isUnsigned: false };
  }
  const converted = fields[6];
  if (typeof converted !== "number") return { isUnsigned: false };
  const annotation = CONVERTED_TYPES[converted] ?? `type ${converted}`;
  return { annotation, isUnsigned: annotation.startsWith("uint_") };
}

function kindOf(physical: number, annotation: string | undefined, isFloat16: boolean): ValueColumn["kind"] {
  const isPlain = annotation === undefined;
  switch (physical) {
    case PHYSICAL_TYPES.BOOLEAN:
    case PHYSICAL_TYPES.FLOAT:
    case PHYSICAL_TYPES.DOUBLE:
      return isPlain ? "number" : "other";
    case PHYSICAL_TYPES.INT32:
    case PHYSICAL_TYPES.INT64:
      return isPlain || /^u?int_\d+$/.test(annotation) ? "number" : "other";
    case PHYSICAL_TYPES.BYTE_ARRAY:
      return isPlain ? "bytes" : annotation === "utf8" || annotation === "enum" ? "text" : "other";
    case PHYSICAL_TYPES.FIXED_LEN_BYTE_ARRAY:
      return isFloat16 ? "number" : "other";
    default:
      return "other";
  }
}

/** A column chunk that is read row by row. */
export interface ColumnReader {
  /**
   * The value of a row, null where there is none. Bytes are of the page, and may be changed when another is read.
   *
   * @param row Of the row group; not before the one asked for last.
   * @throws {RangeError} If the row's page is damaged; rows of other pages can be read.
   */
  at(row: number): Value | null;
}

/**
 * Opens a column chunk.
 *
 * @param file The file.
 * @param chunk Where the chunk is.
 * @param column Of what.
 * @param rows Of the row group.
 * @returns A reader at its first row.
 * @throws {RangeError} If the headers of its pages are damaged.
 */
export function openColumn(
  file: RandomAccessFile,
  chunk: ChunkPosition,
  column: ValueColumn,
  rows: number,
): ColumnReader {
  const pages = findPages(file, chunk, LARGEST_PAGE);
  if (pages.valueCount !== rows) {
    throw new RangeError(`it has ${numberOf(pages.valueCount, "value")} in ${numberOf(rows, "row")}`);
  }
  const dictionary = onlyOnce(() => pages.dictionary && readDictionary(file, pages.dictionary, column));
  let index = -1;
  let page: OpenPage | { error: unknown } | undefined;

  function open(found: Page): OpenPage {
    const stored = readPage(file, found);
    const { bytes, repetitionBytes, definitionBytes } = splitPage(stored, found, column);
    if (repetitionBytes) throw new RangeError("it has levels of lists");
    const isPresent = presence(definitionBytes, column.definition, found);
    const count = isPresent?.count ?? found.valueCount;
    const value = valuesOf(bytes, found.encoding, count, column, dictionary);
    let place = 0;
    const next = () => !isPresent || isPresent.at(place++) ? value() : null;
    return { next, row: found.firstValue, buffers: [stored.buffer, bytes.buffer] };
  }

  return {
    at(row) {
      while (index < 0 || row >= pages.data[index].firstValue + pages.data[index].valueCount) {
        index++;
        if (page && "buffers" in page) page.buffers.forEach(release);
        page = undefined;
      }
      if (!page) {
        try {
          page = open(pages.data[index]);
        } catch (error) {
          page = { error };
        }
      }
      if ("error" in page) throw page.error;
      for (; page.row < row; page.row++) page.next();
      page.row++;
      return page.next();
    },
  };
}

/** A page whose values are taken one after the other. */
interface OpenPage {
  next(): Value | null;
  /** The row of the next one. */
  row: number;
  readonly buffers: readonly ArrayBufferLike[];
}

/** Frees a page now and not when the collector runs, unless it is so small that it may be a part of a pool. */
function release(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 2 ** 16) releaseBytes(new Uint8Array(buffer));
}

/** Calls a function when its result is first asked for, and gives it, or its error, from then on. */
function onlyOnce<Result>(read: () => Result): () => Result {
  let found: { result: Result } | { error: unknown } | undefined;
  return () => {
    if (!found) {
      try {
        found = { result: read() };
      } catch (error) {
        found = { error };
      }
    }
    if ("error" in found) throw found.error;
    return found.result;
  };
}

/** Which rows of a page have a value; undefined if all have. */
function presence(
  levels: Uint8Array | undefined,
  most: number,
  { valueCount }: Page,
): { count: number; at(index: number): boolean } | undefined {
  if (most === 0) return undefined;
  if (!levels) throw new RangeError("levels are missing");
  const values = new Uint8Array(valueCount);
  decodeRuns(levels, bitWidth(most), values);
  let count = 0;
  for (const level of values) {
    if (level > most) throw new RangeError(`a level is ${level}, at most ${most} is possible`);
    if (level === most) count++;
  }
  return { count, at: (index) => values[index] === most };
}

/** Values that pages refer to. */
interface Dictionary {
  readonly length: number;
  at(index: number): Value;
}

function readDictionary(file: RandomAccessFile, page: Page, column: ValueColumn): Dictionary {
  const bytes = decompress(readPage(file, page), page.codec, page.uncompressedBytes);
  const { valueCount: length } = page;
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

/** What gives the values of a page one after the other. */
function valuesOf(
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
      if (count > 0) {
        if (bytes.length === 0) throw new RangeError("positions in the dictionary are missing");
        decodeRuns(bytes.subarray(1), bytes[0], positions);
      }
      for (const position of positions) {
        if (position >= dictionary.length) {
          throw new RangeError(`position ${position} is not in the dictionary of ${dictionary.length}`);
        }
      }
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
      const at = fixedValues(joinStreams(bytes, count, column.width), count, column);
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
    const rest = next();
    const value = new Uint8Array(length + rest.length);
    value.set(last.subarray(0, length));
    value.set(rest, length);
    last = value;
    return value;
  };
}

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on. */
function joinStreams(bytes: Uint8Array, count: number, width: number): Uint8Array {
  if (count * width > bytes.length) {
    throw new RangeError(`${numberOf(count * width, "byte")} of values expected, ${bytes.length} left`);
  }
  const values = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte++) {
    for (let index = 0; index < count; index++) values[index * width + byte] = bytes[byte * count + index];
  }
  return values;
}
