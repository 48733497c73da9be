/**
 * The two kinds of file that label maps are kept in.
 *
 * @module
 */

import type { PlacedColumn } from "./columns.ts";

/** The format of a file. Parquet is small; an Arrow IPC file is not compressed, so that any row is one read away. */
export type Container = "parquet" | "arrow";

/** Every {@linkcode Container}, the usual one first. */
export const containers: readonly Container[] = ["parquet", "arrow"];

/**
 * What a file is, by its name.
 *
 * @param path Path of the file.
 * @returns `arrow` for `*.arrow`, `parquet` for any other.
 */
export function containerOf(path: string): Container {
  return path.endsWith(".arrow") ? "arrow" : "parquet";
}

/** How groups of rows become the bytes of a file, from its first byte on. */
export interface FileEncoder {
  /** What the file begins with. */
  start(): Uint8Array;
  /**
   * The next group of rows.
   *
   * @param columns As `rowGroupColumns` gives them.
   * @param rows Number of rows.
   * @returns Pieces to write one after the other; none is held longer than needed.
   */
  rowGroup(columns: readonly PlacedColumn[], rows: number): Iterable<Uint8Array>;
  /**
   * What {@linkcode rowGroup} does; what takes long of it runs in a thread, one group after the other.
   *
   * @param columns As for {@linkcode rowGroup}; they are not to be changed until the promise is there.
   * @param rows Number of rows.
   * @returns What {@linkcode rowGroup} returns. The pieces of a group are to be taken before those of the next one.
   */
  rowGroupInThread(columns: readonly PlacedColumn[], rows: number): Promise<Iterable<Uint8Array>>;
  /** What the file ends with. */
  end(): Uint8Array;
}
