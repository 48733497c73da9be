/**
 * The footer of a Parquet file: its columns, its row groups, and what it says of itself.
 *
 * Statistics stand where rows are found by them (statistics.ts); column indexes and sizes of levels are left out.
 *
 * @module
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */

import { bytesOf, concatenate } from "../../../base/bytes.ts";
import type { Column } from "../../columns.ts";
import { CODECS, MAGIC, PHYSICAL_TYPES, REPETITION } from "../format.ts";
import { type ColumnChunk, parquetTypes } from "./column.ts";
import { encodeOffsetIndex } from "./offset_index.ts";
import type { Statistics } from "./statistics.ts";
import { binary, encodeThrift, i32, i64, list, string, struct, type ThriftFields, type ThriftValue } from "./thrift.ts";

/** A row group that is in the file. */
export interface RowGroup {
  readonly rows: number;
  /** One for each column, in order. */
  readonly chunks: readonly WrittenChunk[];
}

/** A column chunk that is in the file. */
export type WrittenChunk = Omit<ColumnChunk, "bytes"> & {
  /** Where its first page begins, bytes from the start of the file. */
  readonly offset: number;
  readonly compressedBytes: number;
};

/** A column chunk and where its offset index is, bytes from the start of the file. */
type IndexedChunk = WrittenChunk & { readonly index: { readonly offset: number; readonly bytes: number } };

const CONVERTED_LIST = 3;

/** A column order: integers by value, strings by their bytes. Without it readers trust no bounds. */
const ORDERED_BY_TYPE = struct({ 1: struct({}) });

/**
 * The bytes after the last row group.
 *
 * @param columns The columns, in order.
 * @param groups The row groups, in order.
 * @param metadata Key-value metadata, in order.
 * @returns Offset indexes, footer, its length, and the closing magic.
 */
export function encodeFooter(
  columns: readonly Column[],
  groups: readonly RowGroup[],
  metadata: readonly (readonly [key: string, value: string])[],
): Uint8Array<ArrayBuffer> {
  const indexes: Uint8Array[] = [];
  const last = groups.at(-1)?.chunks.at(-1);
  let offset = last ? last.offset + last.compressedBytes : MAGIC.length;
  function addIndex(chunk: WrittenChunk): IndexedChunk {
    const index = encodeOffsetIndex(chunk, chunk.offset);
    indexes.push(index);
    offset += index.length;
    return { ...chunk, index: { offset: offset - index.length, bytes: index.length } };
  }
  const root: ThriftFields = { 4: string("schema"), 5: i32(columns.length) };
  const footer = encodeThrift({
    1: i32(2),
    2: list("struct", [root, ...columns.flatMap(schemaElements)].map(struct)),
    3: i64(groups.reduce((rows, group) => rows + group.rows, 0)),
    4: list("struct", groups.map(({ rows, chunks }) => rowGroup(rows, chunks.map(addIndex), columns))),
    [KEY_VALUES]: keyValues(metadata),
    6: string("relabel"),
    7: list("struct", columns.map(() => ORDERED_BY_TYPE)),
  });
  return concatenate([...indexes, footer, bytesOf(Uint32Array.of(footer.length)), MAGIC]);
}

/** Where a footer has its key-value metadata. */
export const KEY_VALUES = 5;

/** Key-value metadata, in order. */
export function keyValues(metadata: Iterable<readonly [key: string, value: string]>): ThriftValue {
  return list("struct", Array.from(metadata, ([key, value]) => struct({ 1: string(key), 2: string(value) })));
}

/** A value is one element; a list is three: the column, the repeated group `list`, the value `element`. */
function schemaElements({ name, type, shape }: Column): ThriftFields[] {
  const { physical, logical, converted } = parquetTypes[type];
  const value = (name: string, repetition: number): ThriftFields => ({
    1: i32(PHYSICAL_TYPES[physical]),
    2: physical === "FIXED_LEN_BYTE_ARRAY" ? i32(2) : undefined,
    3: i32(repetition),
    4: string(name),
    6: converted === undefined ? undefined : i32(converted),
    10: logical,
  });
  if (shape !== "list") return [value(name, REPETITION[shape])];
  return [
    {
      3: i32(REPETITION.required),
      4: string(name),
      5: i32(1),
      6: i32(CONVERTED_LIST),
      10: struct({ 3: struct({}) }),
    },
    { 3: i32(REPETITION.repeated), 4: string("list"), 5: i32(1) },
    value("element", REPETITION.required),
  ];
}

function rowGroup(rows: number, chunks: readonly IndexedChunk[], columns: readonly Column[]): ThriftValue {
  const total = chunks.reduce((bytes, chunk) => bytes + chunk.uncompressedBytes, 0);
  return struct({
    1: list("struct", chunks.map((chunk, index) => columnChunk(chunk, columns[index]))),
    2: i64(total),
    3: i64(rows),
  });
}

function columnChunk(chunk: IndexedChunk, { name, type, shape }: Column): ThriftValue {
  const path = shape === "list" ? [name, "list", "element"] : [name];
  return struct({
    2: i64(chunk.offset),
    3: struct({
      1: i32(PHYSICAL_TYPES[parquetTypes[type].physical]),
      2: list("i32", chunk.encodings.map(i32)),
      3: list("string", path.map(string)),
      4: i32(CODECS.ZSTD),
      5: i64(chunk.valueCount),
      6: i64(chunk.uncompressedBytes),
      7: i64(chunk.compressedBytes),
      9: i64(chunk.offset + chunk.dictionaryBytes),
      11: chunk.dictionaryBytes > 0 ? i64(chunk.offset) : undefined,
      12: chunk.statistics && statistics(chunk.statistics),
    }),
    4: i64(chunk.index.offset),
    5: i32(chunk.index.bytes),
  });
}

function statistics({ nullCount, bounds }: Statistics): ThriftValue {
  return struct({
    3: i64(nullCount),
    5: bounds && binary(bounds.greatest),
    6: bounds && binary(bounds.least),
  });
}
