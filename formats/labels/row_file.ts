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

/**
 * A file being written whose groups of rows a thread encodes, while more rows come. The bytes are those that a
 * {@linkcode RowWriter} writes of the same rows.
 */
export interface ThreadedRowWriter<Row> extends Pick<RowWriter<Row>, "findError" | "discard"> {
  /**
   * Adds a row.
   *
   * @returns What to wait for before the next row, where as many groups wait for the thread as memory is meant for.
   * @throws As {@linkcode RowWriter.append} does, also for what became of rows before.
   */
  append(row: Row): Promise<void> | undefined;
  /** Writes what is left, makes it durable, and gives the file its name. */
  finish(): Promise<WrittenFile>;
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
  kind: RowFile<Row>,
): RowWriter<Row> {
  const { encoder, findError } = kind;
  const { append, hasRows, takeGroup, write, finish, discard } = beginRows(path, subject, kind);
  return {
    findError,
    append(row) {
      if (append(row)) write(encoder.rowGroup(...takeGroup()));
    },
    finish() {
      if (hasRows()) write(encoder.rowGroup(...takeGroup()));
      return finish();
    },
    discard,
  };
}

/** Groups that wait for the thread, besides the one that it encodes. */
const GROUPS_WAITING = 2;

/** What {@linkcode createRowFile} does, with groups that a thread encodes. */
export function createThreadedRowFile<Row extends { readonly key: string }>(
  path: string,
  subject: string,
  kind: RowFile<Row>,
): ThreadedRowWriter<Row> {
  const { encoder, findError } = kind;
  const { append, hasRows, takeGroup, write, finish, discard } = beginRows(path, subject, kind);
  let waiting = 0;
  let written: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;
  function writeGroup(): void {
    const group = encoder.rowGroupInThread(...takeGroup());
    waiting++;
    written = Promise.all([group, written]).then(([pieces]) => {
      waiting--;
      write(pieces);
    });
    written.catch((error) => failure ??= { error });
  }
  return {
    findError,
    append(row) {
      if (failure) throw failure.error;
      if (append(row)) writeGroup();
      return waiting > GROUPS_WAITING ? written : undefined;
    },
    async finish() {
      if (hasRows()) writeGroup();
      await written;
      return finish();
    },
    discard,
  };
}

/** A file of rows, whose groups are encoded by others. */
function beginRows<Row extends { readonly key: string }>(
  path: string,
  subject: string,
  { encoder, what, most, findError, count, keep, columns }: RowFile<Row>,
) {
  const file = createWholeFile(path, subject);
  const hash = createHash("sha256");
  let kept: Row[] = [];
  let [open, rows, bytes] = [0, 0, 0];

  function write(pieces: Iterable<Uint8Array>): void {
    for (const piece of pieces) {
      file.write([piece]);
      hash.update(piece);
      bytes += piece.length;
    }
  }

  write([encoder.start()]);
  return {
    /** Keeps a row, and says whether the group is full. */
    append(row: Row): boolean {
      const error = findError(row);
      if (error) throw fileError(`${subject}: ${what} "${row.key}"`, error);
      kept.push(keep(row));
      open += count(row);
      rows += count(row);
      return open >= most;
    },
    /** Whether there are rows since the group before. */
    hasRows: () => open > 0,
    /** The rows since the group before, by columns, and how many they are. */
    takeGroup(): [columns: readonly PlacedColumn[], rows: number] {
      const [group, count] = [columns(kept, open), open];
      [kept, open] = [[], 0];
      return [group, count];
    },
    write,
    /** Ends the file, after its last group. */
    finish(): WrittenFile {
      write([encoder.end()]);
      file.finish();
      return { rows, bytes, sha256: hash.digest("hex") };
    },
    discard: file.discard,
  };
}
