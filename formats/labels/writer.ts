/**
 * Writes label-map files: rows in, one Parquet or Arrow file out, whole or not at all.
 *
 * The bytes depend on the rows and the metadata alone, given the Zstandard of this Deno.
 *
 * @module
 */

import { arrowEncoder } from "../columns/arrow/encode/file.ts";
import { containerOf } from "../columns/container.ts";
import { parquetEncoder } from "../columns/parquet/encode/file.ts";
import { findRowError } from "./row_error.ts";
import { labelMapColumns, rowGroupColumns } from "./label_map_columns.ts";
import { checkMetadata, type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";
import {
  createRowFile,
  createThreadedRowFile,
  type RowFile,
  type RowWriter,
  type ThreadedRowWriter,
} from "./row_file.ts";

/**
 * Values of a map column in a group of rows: what 256 maps of the published size (15 x 15, k = 5) have. That is large enough
 * for dictionaries to pay (groups of a quarter are 1 to 4 % larger), and some megabytes of memory.
 */
const GROUP_VALUES = 256 * 1125;

/** Rows in a group, however small the maps. */
const GROUP_ROWS = 16384;

/**
 * Begins a label-map file. It is written as `${path}.partial` and renamed when finished; a file of that name is replaced.
 *
 * @param path Where: a name that ends in `.arrow` makes an Arrow IPC file, any other a Parquet file.
 * @param metadata What the rows are.
 * @returns The writer; end with `finish` or `discard`.
 * @throws {TypeError | RangeError} If the metadata is not valid.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createLabelMapFile(path: string, metadata: LabelMapMetadata): RowWriter<LabelMapRow> {
  const subject = subjectOf(path);
  return createRowFile(path, subject, rowsOfFile(path, subject, metadata));
}

/** What {@linkcode createLabelMapFile} does, with groups of rows that a thread encodes: the same bytes. */
export function createThreadedLabelMapFile(path: string, metadata: LabelMapMetadata): ThreadedRowWriter<LabelMapRow> {
  const subject = subjectOf(path);
  return createThreadedRowFile(path, subject, rowsOfFile(path, subject, metadata));
}

function subjectOf(path: string): string {
  return `Cannot write label map "${path}"`;
}

function rowsOfFile(path: string, subject: string, metadata: LabelMapMetadata): RowFile<LabelMapRow> {
  checkMetadata(metadata, subject);
  const beginFile = containerOf(path) === "arrow" ? arrowEncoder : parquetEncoder;
  return {
    encoder: beginFile(labelMapColumns(metadata), metadata),
    what: "row",
    most: Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_VALUES / mapLength(metadata)))),
    findError: (row) => findRowError(row, metadata),
    count: () => 1,
    keep: copyOf,
    columns: (rows) => rowGroupColumns(rows, metadata),
  };
}

/** A copy of a row, whose arrays the caller may use again. */
function copyOf(row: LabelMapRow): LabelMapRow {
  return {
    ...row,
    class: row.class.slice(),
    score: row.score.slice(),
    topClass: row.topClass.slice(),
    topProbability: row.topProbability.slice(),
  };
}
