/**
 * A Parquet file that images and labels are read from, row by row. What cannot be read is given as the reason in the place
 * of the value, so that a damaged page costs its own rows.
 *
 * @module
 */

import { closing } from "../base/closing.ts";
import { numberOf } from "../base/number_of.ts";
import { readFooter } from "../columns/parquet/decode/file.ts";
import { decodeFileMetadata, type FileMetadata } from "../columns/parquet/decode/footer.ts";
import { createFilePool, type RandomAccessFile } from "../base/random_access.ts";
import { type ColumnReader, openColumn } from "./parquet_column.ts";
import { chooseColumns, type ChosenColumns } from "./parquet_columns.ts";
import type { ValueColumn } from "./parquet_schema.ts";
import type { Value } from "./parquet_values.ts";
import type { ShardFile } from "./image_source.ts";
import type { ByteRange, RangedFile } from "../weights/hub/remote_file.ts";

/** Rows to a byte of a file; more is no data set but a claim that would be counted for hours. */
const MOST_ROWS_A_BYTE = 64;
/** Parts of a file that are fetched at the same time. */
const FETCHED_TOGETHER = 8;
/** Rows from one moment in which others have their turn to the next. */
const TURN = 8192;

/** What is read of a file and how. */
export interface ParquetFile {
  readonly shard: ShardFile;
  readonly metadata: FileMetadata;
  readonly rows: number;
  readonly columns: ChosenColumns;
}

/**
 * Reads the end of a file.
 *
 * @param shard The file.
 * @returns The file's rows and columns.
 * @throws {Deno.errors.NotFound} If it is gone.
 * @throws {TypeError} If it is no Parquet file, has no image column, or is a label map.
 */
export function openParquetFile(shard: ShardFile): ParquetFile {
  const subject = `Cannot read Parquet file "${shard.path}"`;
  using file = closing(shard.open?.() ?? createFilePool().open(shard.path, subject));
  const metadata = readFooter(file, subject, decodeFileMetadata);
  if (metadata.entries.has("relabel")) {
    throw new TypeError(`Cannot read images from "${shard.path}": it is a label map, not images`);
  }
  const rows = metadata.groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows > MOST_ROWS_A_BYTE * file.size) {
    throw new TypeError(`${subject}: it claims ${numberOf(rows, "row")} in ${numberOf(file.size, "byte")}`);
  }
  return { shard, metadata, rows, columns: chooseColumns(metadata, shard.path) };
}

/** A value of a row, or why it cannot be read. */
export type ReadValue = Value | null | { readonly unreadable: string };

/** Whether a value cannot be read. */
export function isDamage(value: ReadValue): value is { readonly unreadable: string } {
  return typeof value === "object" && value !== null && "unreadable" in value;
}

/**
 * Reads a column, some rows at a time.
 *
 * @param file The file.
 * @param column The column.
 * @param range The rows.
 * @param convert Makes what is given of each row's value, whose bytes are not to be kept.
 * @returns What was made, in order.
 */
export async function* readColumn<Result>(
  file: ParquetFile,
  column: ValueColumn,
  { from, to }: { readonly from: number; readonly to: number },
  convert: (value: ReadValue) => Result,
): AsyncGenerator<Result[]> {
  using opened = openToRead(file);
  const groups = [...groupsWithin(file, from, to)];
  await prepareColumns(opened, file, groups, [column]);
  for (const group of groups) {
    const reader = columnReader(opened, file, group, column);
    for (let row = group.from; row < group.to;) {
      await turn(row);
      const some: Result[] = [];
      do some.push(convert(reader.at(row++))); while (row < group.to && row % TURN > 0);
      reader.free();
      yield some;
    }
  }
}

/**
 * Lets other work, such as signals, have its turn once in some thousand rows.
 *
 * @param row The row to be read.
 */
export function turn(row: number): Promise<void> | undefined {
  if (row % TURN === 0) return new Promise((resolve) => setTimeout(resolve));
}

/** A file to read columns of. */
export interface OpenedParquet extends RandomAccessFile, Disposable {
  /** The file if it is elsewhere, and parts of it are to be fetched. */
  readonly ranged?: RangedFile;
}

/** Opens a file to read columns of it; close it. */
export function openToRead({ shard }: ParquetFile): OpenedParquet {
  const ranged = shard.open?.();
  const file = ranged ?? createFilePool().open(shard.path, `Cannot read Parquet file "${shard.path}"`);
  return { ...file, ranged, [Symbol.dispose]: file.close };
}

/** Where columns of a row group are in its file. */
function rangesOf({ metadata }: ParquetFile, { index }: Group, columns: readonly ValueColumn[]): ByteRange[] {
  return columns.map(({ position }) => {
    const { offset, compressedBytes } = metadata.groups[index].chunks[position];
    return { offset, length: compressedBytes };
  });
}

/** Fetches columns of row groups where the file is elsewhere. */
export async function prepareColumns(
  { ranged }: OpenedParquet,
  file: ParquetFile,
  groups: readonly Group[],
  columns: readonly ValueColumn[],
): Promise<void> {
  if (!ranged) return;
  const ranges = groups.flatMap((group) => rangesOf(file, group, columns));
  for (let start = 0; start < ranges.length; start += FETCHED_TOGETHER) {
    await ranged.prepare(ranges.slice(start, start + FETCHED_TOGETHER));
  }
}

/** Lets columns of a row group go that were fetched. */
export function releaseColumns(
  { ranged }: OpenedParquet,
  file: ParquetFile,
  group: Group,
  columns: readonly ValueColumn[],
): void {
  ranged?.release(rangesOf(file, group, columns));
}

/** A row group of a file, with the rows that are wanted of it. */
export interface Group {
  readonly index: number;
  /** Its rows in the file. */
  readonly start: number;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
}

/** The row groups that hold some rows. */
export function* groupsWithin({ metadata }: ParquetFile, from: number, to: number): Generator<Group> {
  let start = 0;
  for (const [index, { rows }] of metadata.groups.entries()) {
    const group = { index, start, rows, from: Math.max(from, start), to: Math.min(to, start + rows) };
    if (group.from < group.to) yield group;
    start += rows;
  }
}

/**
 * Begins to read a column of a row group.
 *
 * @param opened The file, open.
 * @param file What it holds.
 * @param group The row group.
 * @param column The column.
 * @returns What gives the value of a row of the file; rows must ascend. `free` frees what no later row needs, and the bytes
 *   that were given.
 */
export function columnReader(
  opened: RandomAccessFile,
  { shard, metadata }: ParquetFile,
  { index, start, rows }: Group,
  column: ValueColumn,
): { at(row: number): ReadValue; free(): void } {
  const failed = (error: unknown) => ({
    unreadable: `Cannot read rows ${start} to ${start + rows} of "${shard.path}": ${(error as Error).message}`,
  });
  let reader: ColumnReader;
  try {
    reader = openColumn(opened, metadata.groups[index].chunks[column.position], column, rows);
  } catch (error) {
    const failure = failed(error);
    return { at: () => failure, free() {} };
  }
  return {
    at(row) {
      try {
        return reader.at(row - start);
      } catch (error) {
        return failed(error);
      }
    },
    free: reader.free,
  };
}
