/**
 * A column chunk: the values of one column in one row group, as pages.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/
 */

import { constants, zstdCompressSync } from "node:zlib";
import { bytesOf, concatenate } from "../../../base/bytes.ts";
import type { ColumnValues, PlacedColumn, Placement, ValueType } from "../../columns.ts";
import { ENCODINGS, PAGES, type PHYSICAL_TYPES } from "../format.ts";
import { encodeDictionary, packIndices } from "./dictionary.ts";
import { definitionRuns, encodeLevels, repetitionRuns } from "./levels.ts";
import { columnStatistics, type Statistics } from "./statistics.ts";
import { bool, encodeThrift, i32, i8, struct, type ThriftValue } from "./thrift.ts";

/**
 * Level 9 looks hard enough for repetitions, and matches of fewer than 6 bytes do not pay in codes that look random.
 * On the 256 maps of the fixture, class: level 9 alone 1,224 bytes per image, with matches of 6 and more 1,208 in 0.08 ms;
 * level 19 takes 1.3 ms for 1,176.
 *
 * A frame ends with the checksum of its content, four bytes which every decoder compares: of the single flipped bits in a
 * page, nine in ten went unseen without it.
 */
const ZSTANDARD = {
  params: {
    [constants.ZSTD_c_compressionLevel]: 9,
    [constants.ZSTD_c_minMatch]: 6,
    [constants.ZSTD_c_checksumFlag]: 1,
  },
};

/** A column chunk as bytes, and what the footer says of it. */
export interface ColumnChunk {
  readonly bytes: Uint8Array;
  readonly encodings: readonly number[];
  /** Bytes before the first data page; 0 without a dictionary page. */
  readonly dictionaryBytes: number;
  /** The data pages, which follow each other. */
  readonly pages: readonly PageSize[];
  /** Levels, nulls included. */
  readonly valueCount: number;
  /** Bytes with page headers and without compression. */
  readonly uncompressedBytes: number;
  readonly statistics?: Statistics;
}

/** A data page of a chunk. */
export interface PageSize {
  /** Bytes of the page with its header. */
  readonly bytes: number;
  /** Its first row, counted in the row group. */
  readonly firstRow: number;
}

/** How Parquet stores a value type: the logical type is its annotation, the converted type an older form of the same. */
export const parquetTypes: Readonly<Record<ValueType, ParquetType>> = {
  utf8: { physical: "BYTE_ARRAY", logical: struct({ 1: struct({}) }), converted: 0 },
  int32: { physical: "INT32", logical: integer(32, true), converted: 17 },
  uint8: { physical: "INT32", logical: integer(8, false), converted: 11 },
  uint16: { physical: "INT32", logical: integer(16, false), converted: 12 },
  uint32: { physical: "INT32", logical: integer(32, false), converted: 13 },
  float16: { physical: "FIXED_LEN_BYTE_ARRAY", logical: struct({ 15: struct({}) }) },
  float32: { physical: "FLOAT" },
};

interface ParquetType {
  readonly physical: keyof typeof PHYSICAL_TYPES;
  readonly logical?: ThriftValue;
  readonly converted?: number;
}

function integer(bits: number, isSigned: boolean): ThriftValue {
  return struct({ 10: struct({ 1: i8(bits), 2: bool(isSigned) }) });
}

/**
 * Encodes and compresses the values of a column, in each of the ways that its type allows, and keeps the smallest.
 *
 * @param column The values, and which rows they belong to.
 * @returns The pages.
 */
export function encodeColumn({ placement = {}, ...column }: PlacedColumn): ColumnChunk {
  const valueCount = placement.present?.length ?? column.values.length;
  const statistics = columnStatistics(column, valueCount - column.values.length);
  const spans = pageSpans(column, placement);
  const chunks = candidates(column).map(({ encoding, dictionary, data }) => {
    const first = dictionary &&
      encodePage(dictionary.data, PAGES.DICTIONARY, {
        7: struct({ 1: i32(dictionary.length), 2: i32(ENCODINGS.PLAIN) }),
      });
    const pages = spans.map(({ start, end, levels, count }) =>
      encodePage(concatenate([...levels, data(start, end)]), PAGES.DATA, {
        5: struct({ 1: i32(count), 2: i32(encoding), 3: i32(ENCODINGS.RLE), 4: i32(ENCODINGS.RLE) }),
      })
    );
    const all = first ? [first, ...pages] : pages;
    return {
      bytes: concatenate(all.map(({ bytes }) => bytes)),
      encodings: dictionary ? [ENCODINGS.PLAIN, ENCODINGS.RLE, encoding] : [ENCODINGS.RLE, encoding],
      dictionaryBytes: first?.bytes.length ?? 0,
      pages: pages.map(({ bytes }, page) => ({ bytes: bytes.length, firstRow: spans[page].firstRow })),
      valueCount,
      uncompressedBytes: all.reduce((bytes, page) => bytes + page.uncompressedBytes, 0),
      statistics,
    };
  });
  return chunks.reduce((best, chunk) => chunk.bytes.length < best.bytes.length ? chunk : best);
}

/**
 * Values of a page in a column of lists: what 16 maps of the published size have, since a page is what is decoded for a row
 * that is asked for alone. Pages of 16 make files 1 % larger than pages of 256, and float32, whose bytes are split into
 * streams, 2 %: it stays in larger ones.
 */
const PAGE_VALUES = 16 * 1125;
const FLOAT32_PAGE_VALUES = 256 * 1125;

/** A data page: its first row, its values from `start` to `end`, its levels, and how many levels there are. */
interface PageSpan {
  readonly firstRow: number;
  readonly start: number;
  readonly end: number;
  readonly levels: readonly Uint8Array[];
  readonly count: number;
}

/** Where pages begin and end: lists are never divided, other columns have one page. */
function pageSpans({ type, values }: ColumnValues, { present, lengths }: Placement): PageSpan[] {
  if (!lengths) {
    const levels = present ? [encodeLevels(definitionRuns(present))] : [];
    return [{ firstRow: 0, start: 0, end: values.length, levels, count: present?.length ?? values.length }];
  }
  const most = type === "float32" ? FLOAT32_PAGE_VALUES : PAGE_VALUES;
  const spans: PageSpan[] = [];
  for (let row = 0, start = 0; row < lengths.length;) {
    const firstRow = row;
    let end = start;
    do end += lengths[row++]; while (row < lengths.length && end + lengths[row] - start <= most);
    const repetition = encodeLevels(repetitionRuns(lengths.slice(firstRow, row)));
    const definition = encodeLevels([{ level: 1, length: end - start }]);
    spans.push({ firstRow, start, end, levels: [repetition, definition], count: end - start });
    start = end;
  }
  return spans;
}

interface Candidate {
  readonly encoding: number;
  /** The values from `start` to `end` as a page holds them. */
  readonly data: (start: number, end: number) => Uint8Array;
  readonly dictionary?: { readonly length: number; readonly data: Uint8Array };
}

/** DuckDB reads BYTE_STREAM_SPLIT for FLOAT, but not for float16 and integers; dictionaries it reads for all. */
function candidates(column: ColumnValues): Candidate[] {
  switch (column.type) {
    case "utf8":
      return [{ encoding: ENCODINGS.PLAIN, data: (start, end) => plainStrings(column.values.slice(start, end)) }];
    case "float32":
      return [{
        encoding: ENCODINGS.BYTE_STREAM_SPLIT,
        data: (start, end) => splitByteStreams(bytesOf(column.values.subarray(start, end)), 4),
      }];
    default: {
      const plain = (values: ArrayLike<number>) =>
        bytesOf(column.type === "float16" ? Uint16Array.from(values) : Uint32Array.from(values));
      const direct = () => ({
        encoding: ENCODINGS.PLAIN,
        data: (start: number, end: number) => plain(column.values.subarray(start, end)),
      });
      const encoded = encodeDictionary(column.values);
      if (!encoded) return [direct()];
      const indirect = {
        encoding: ENCODINGS.RLE_DICTIONARY,
        data: (start: number, end: number) => packIndices(encoded.codes.subarray(start, end)),
        dictionary: { length: encoded.dictionary.length, data: plain(encoded.dictionary) },
      };
      const isRepetitive = encoded.dictionary.length * REPETITIVE <= column.values.length;
      return isRepetitive ? [indirect] : [indirect, direct()];
    }
  }
}

/** With this many values for each position of the dictionary it is smaller for sure, and nothing else is tried. */
const REPETITIVE = 8;

/** Each string as its length in bytes (32 bits) and its UTF-8. */
function plainStrings(values: readonly string[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return concatenate(values.flatMap((value) => {
    const text = encoder.encode(value);
    return [bytesOf(Uint32Array.of(text.length)), text];
  }));
}

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on. */
function splitByteStreams(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const count = bytes.length / width;
  const streams = new Uint8Array(bytes.length);
  for (let i = 0; i < count; i++) {
    for (let stream = 0; stream < width; stream++) streams[stream * count + i] = bytes[i * width + stream];
  }
  return streams;
}

function encodePage(content: Uint8Array, type: number, header: { readonly [field: number]: ThriftValue }) {
  const compressed = zstdCompressSync(content, ZSTANDARD);
  const head = encodeThrift({ 1: i32(type), 2: i32(content.length), 3: i32(compressed.length), ...header });
  return { bytes: concatenate([head, compressed]), uncompressedBytes: head.length + content.length };
}
