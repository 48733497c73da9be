/**
 * Writes label-map files: rows in, one Parquet or Arrow file out, whole or not at all.
 *
 * Rows gather in typed arrays and leave as a group, so memory does not grow with the file. The bytes depend on the rows
 * and the metadata alone, given the Zstandard of this Deno.
 *
 * @module
 */

import { arrowEncoder } from "./arrow/encode/file.ts";
import { findNonFinite, scoreNumber } from "./codec.ts";
import { labelMapColumns } from "./columns.ts";
import { containerOf } from "./container.ts";
import { parquetEncoder } from "./parquet/encode/file.ts";
import { rowGroupColumns } from "./row_group.ts";
import {
  checkMetadata,
  classBits,
  type Classes,
  type LabelMapMetadata,
  type LabelMapRow,
  mapLength,
  SCORE_ARRAYS,
  type Scores,
  topLength,
} from "./types.ts";
import { createWholeFile } from "./whole_file.ts";

/** A file being written. */
export interface LabelMapWriter {
  /**
   * Adds a row. Its arrays are copied.
   *
   * @throws {TypeError} If an array has the wrong type or length.
   * @throws {RangeError} If a class index is not below the number of classes, a score or probability not a finite number, or an integer not an
   * int32.
   * @throws {Error} If the disk is full, or the file cannot be written for another reason.
   */
  append(row: LabelMapRow): void;
  /** Writes what is left, makes it durable, and gives the file its name. */
  finish(): LabelMapFile;
  /** Removes what was written. */
  discard(): void;
}

/** What was written. */
export interface LabelMapFile {
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
    append(row) {
      rows.push(checkedCopy(row, metadata, subject));
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

/** A copy of a row that fits the metadata. */
function checkedCopy(row: LabelMapRow, metadata: LabelMapMetadata, subject: string): LabelMapRow {
  const place = `${subject}: row "${row.key}"`;
  const integers = { label: row.label ?? 0, width: row.width, height: row.height };
  for (const [name, value] of Object.entries(integers)) {
    if ((value | 0) !== value) throw new RangeError(`${place}: ${name} is ${value}, expected a 32-bit integer`);
  }
  const ClassArray = classBits(metadata) === 16 ? Uint16Array : Uint32Array;
  const top = topLength(metadata);
  checkArray(place, "class", row.class, ClassArray, mapLength(metadata));
  checkArray(place, "score", row.score, SCORE_ARRAYS[metadata.dtype], mapLength(metadata));
  checkArray(place, "topClass", row.topClass, ClassArray, top);
  checkArray(place, "topProbability", row.topProbability, Float32Array, top);
  for (const [name, classes] of [["class", row.class], ["topClass", row.topClass]] as const) {
    for (const value of classes) {
      if (value >= metadata.classes) {
        throw new RangeError(`${place}: ${name} holds ${value}, expected less than ${metadata.classes}, the classes`);
      }
    }
  }
  const wrong = findNonFinite(row.score, metadata.dtype);
  if (wrong >= 0) {
    const found = scoreNumber(row.score[wrong], metadata.dtype);
    throw new RangeError(`${place}: score holds ${found} at position ${wrong}, expected finite numbers`);
  }
  const wrongProbability = row.topProbability.findIndex((probability) => !Number.isFinite(probability));
  if (wrongProbability >= 0) {
    throw new RangeError(
      `${place}: topProbability holds ${row.topProbability[wrongProbability]}, expected finite numbers`,
    );
  }
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

function checkArray(
  row: string,
  name: string,
  array: Classes | Scores,
  // deno-lint-ignore no-explicit-any
  Type: abstract new (...parameters: any) => Classes | Scores,
  length: number,
): void {
  if (!(array instanceof Type)) {
    throw new TypeError(`${row}: ${name} is ${array.constructor.name}, expected ${Type.name}`);
  }
  if (array.length !== length) throw new TypeError(`${row}: ${name} has ${array.length} values, expected ${length}`);
}
