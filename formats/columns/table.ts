/**
 * An open file of columns, Parquet or Arrow: what label maps are read from.
 *
 * @module
 */

import { fileError, isSystemError } from "../base/files.ts";
import type { Column, ColumnValues } from "./columns.ts";

/** A file whose columns can be read. */
export interface Table {
  /** What the file says of itself. */
  readonly entries: ReadonlyMap<string, string>;
  readonly columns: ReadonlyMap<string, FoundColumn>;
  /** Rows of each group: of a Parquet row group, of an Arrow record batch. */
  readonly groups: readonly number[];
  /**
   * Some rows of a column.
   *
   * @param column One that `columns` has as it is described.
   * @param group Position among `groups`.
   * @param start First row, in the group.
   * @param end Row after the last, in the group.
   * @throws {TypeError} If the file is damaged there, or a list has another length than the column says.
   */
  read(column: Column, group: number, start: number, end: number): ColumnSlice;
  close(): void;
}

/** A column of the file. */
export interface FoundColumn {
  /** What it is, in this format's words where it has one: `list of uint16`, `int64`. */
  readonly description: string;
  /** Length of its lists, where their type says that all have the same. */
  readonly listLength?: number;
}

/** Some rows of a column. Arrays may be views of others. */
export interface ColumnSlice {
  /** A value for each row; of lists, their values one after the other. */
  readonly values: ColumnValues["values"];
  /** For an optional column, 1 for each row that has a value and 0 for the others; absent if all have. */
  readonly present?: Uint8Array;
  /** For lists of different lengths, where each begins in the values, and where the last one ends. */
  readonly offsets?: ArrayLike<number>;
}

/**
 * Reading whose errors name the file, the column and the group.
 *
 * @param subject What is being done, to which file.
 * @param groups What the format calls a group of rows.
 * @param read Reads rows of a column; its errors say only what is wrong.
 * @returns A function that reads as `read` does. For a damaged column it throws a {@linkcode TypeError}, for what the system
 * refuses an error of the same class.
 */
export function namedReading(subject: string, groups: string, read: Table["read"]): Table["read"] {
  return (column, group, start, end) => {
    try {
      return read(column, group, start, end);
    } catch (error) {
      if (isSystemError(error)) throw fileError(`${subject}: column "${column.name}"`, error);
      const reason = (error as Error).message;
      throw new TypeError(`${subject}: column "${column.name}" of ${groups} ${group} is damaged: ${reason}`, {
        cause: error,
      });
    }
  };
}
