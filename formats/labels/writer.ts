/**
 * Writes label-map files: rows in, one Parquet or Arrow file out, whole or not at all.
 *
 * Rows gather in typed arrays and leave as a group, so memory does not grow with the file. The bytes depend on the rows
 * and the metadata alone, given the Zstandard of this Deno.
 *
 * @module
 */

import { arrowEncoder } from "../columns/arrow/encode/file.ts";
import { containerOf } from "../columns/container.ts";
import { parquetEncoder } from "../columns/parquet/encode/file.ts";
import { fileError } from "../base/files.ts";
import { findRowError, type RowError } from "./row_error.ts";
import { labelMapColumns, rowGroupColumns } from "./label_map_columns.ts";
import { checkMetadata, type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";
import { createWholeFile } from "../base/whole_file.ts";

/** A file being written. */
export interface LabelMapWriter {
  /**
   * Why a row cannot be written: arrays of the wrong type or length, classes that there are not, scores that are not finite,
   * probabilities that are none, integers beyond int32.
   */
  findError(row: LabelMapRow): RowError | undefined;
  /**
   * Adds a row. Its arrays are copied.
   *
   * @throws {TypeError | RangeError} For a row that {@linkcode findError} finds an error of.
   * @throws {Error} If the disk is full, or the file cannot be written for another reason.
   */
  append(row: LabelMapRow): void;
  /** Writes what is left, makes it durable, and gives the file its name. */
  finish(): WrittenFile;
  /** Removes what was written. */
  discard(): void;
}

/** A file that was written. */
export interface WrittenFile {
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

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
export function createLabelMapFile(path: string, metadata: LabelMapMetadata): LabelMapWriter {
  const subject = `Cannot write label map "${path}"`;
  checkMetadata(metadata, subject);
  const beginFile = containerOf(path) === "arrow" ? arrowEncoder : parquetEncoder;
  const encoder = beginFile(labelMapColumns(metadata), metadata);
  const groupRows = Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_VALUES / mapLength(metadata))));
  const file = createWholeFile(path, subject);
  let rows: LabelMapRow[] = [];
  let rowCount = 0;

  function writeGroup(): void {
    for (const bytes of encoder.rowGroup(rowGroupColumns(rows, metadata), rows.length)) file.write(bytes);
    rows = [];
  }

  file.write(encoder.start());
  return {
    findError: (row) => findRowError(row, metadata),
    append(row) {
      const error = findRowError(row, metadata);
      if (error) throw fileError(`${subject}: row "${row.key}"`, error);
      rows.push(copyOf(row));
      rowCount++;
      if (rows.length === groupRows) writeGroup();
    },
    finish() {
      if (rows.length > 0) writeGroup();
      file.write(encoder.end());
      return { rows: rowCount, ...file.finish() };
    },
    discard: file.discard,
  };
}

/** A copy of a row, whose arrays the caller may use again. */
function copyOf(row: LabelMapRow): LabelMapRow {
  return {
    key: row.key,
    label: row.label,
    width: row.width,
    height: row.height,
    class: row.class.slice(),
    score: row.score.slice(),
    topClass: row.topClass.slice(),
    topProbability: row.topProbability.slice(),
  };
}
