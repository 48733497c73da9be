/**
 * Files of rows: rows gather in typed arrays and leave as a group, so memory does not grow with the file.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { PlacedColumn } from "../columns/columns.ts";
import type { FileEncoder } from "../columns/container.ts";
import { createWholeFile, fileError } from "../base/files.ts";
import type { RowError } from "./row_error.ts";

/** A file being written. */
export interface RowWriter<Row> {
  /**
   * Why a row cannot be written: arrays of the wrong type or length, classes that there are not, scores that are not finite,
   * probabilities that are none, integers beyond int32.
   */
  findError(row: Row): RowError | undefined;
  /**
   * Adds a row.
   *
   * @throws {TypeError | RangeError} For a row that {@linkcode findError} finds an error of.
   * @throws {Error} If the disk is full, or the file cannot be written for another reason.
   */
  append(row: Row): void;
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

/** What a file of rows is. */
export interface RowFile<Row> {
  readonly encoder: FileEncoder;
  /** What is appended, for messages: `row`. */
  readonly what: string;
  /** Rows of a group, at least. */
  readonly most: number;
  findError(row: Row): RowError | undefined;
  /** Rows of the file that one of these makes. */
  count(row: Row): number;
  /** What is kept of a row until its group is written. */
  keep(row: Row): Row;
  columns(rows: readonly Row[], count: number): readonly PlacedColumn[];
}

/**
 * Begins a file of rows. It is written as `${path}.partial` and renamed when finished; a file of that name is replaced.
 *
 * @param path The file.
 * @param subject How messages start.
 * @param kind What the rows are.
 * @returns The writer; end with `finish` or `discard`.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createRowFile<Row extends { readonly key: string }>(
  path: string,
  subject: string,
  { encoder, what, most, findError, count, keep, columns }: RowFile<Row>,
): RowWriter<Row> {
  const file = createWholeFile(path, subject);
  const hash = createHash("sha256");
  let kept: Row[] = [];
  let [open, rows, bytes] = [0, 0, 0];

  function write(piece: Uint8Array): void {
    file.write([piece]);
    hash.update(piece);
    bytes += piece.length;
  }

  function writeGroup(): void {
    for (const piece of encoder.rowGroup(columns(kept, open), open)) write(piece);
    [kept, open] = [[], 0];
  }

  write(encoder.start());
  return {
    findError,
    append(row) {
      const error = findError(row);
      if (error) throw fileError(`${subject}: ${what} "${row.key}"`, error);
      kept.push(keep(row));
      open += count(row);
      rows += count(row);
      if (open >= most) writeGroup();
    },
    finish() {
      if (open > 0) writeGroup();
      write(encoder.end());
      file.finish();
      return { rows, bytes, sha256: hash.digest("hex") };
    },
    discard: file.discard,
  };
}
