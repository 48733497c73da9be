/**
 * A Parquet file that says something else of its rows: its footer is replaced, and no page.
 *
 * @module
 */

import { bytesOf, concatenate } from "../../base/bytes.ts";
import type { RandomAccessFile } from "../../base/random_access.ts";
import type { Column } from "../columns.ts";
import { readFooter } from "./decode/file.ts";
import { decodeFooter } from "./decode/footer.ts";
import { findField } from "./decode/thrift.ts";
import { withArrowSchema } from "./encode/file.ts";
import { KEY_VALUES, keyValues } from "./encode/footer.ts";
import { encodeThriftValue } from "./encode/thrift.ts";
import { MAGIC } from "./format.ts";

/** The end of a file that is to replace its own. */
export interface ReplacedEnd {
  /** The byte that the end begins at; those before it stay. */
  readonly start: number;
  /** The footer, its length and the closing magic. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Replaces the key-value metadata of a file.
 *
 * @param file The file, which is only read.
 * @param subject How messages start.
 * @param columns The file's columns, in order, for the Arrow schema that goes with the entries.
 * @param change Gives the new entries for those that are there; `ARROW:schema` is made.
 * @returns The end of the file that has them.
 * @throws {TypeError} If it is not a whole Parquet file, or has no entries.
 */
export function replaceEntries(
  file: RandomAccessFile,
  subject: string,
  columns: readonly Column[],
  change: (entries: ReadonlyMap<string, string>) => readonly (readonly [key: string, value: string])[],
): ReplacedEnd {
  return readFooter(file, subject, (footer, start) => {
    const found = findField(footer, KEY_VALUES);
    if (!found) throw new RangeError("its footer has no entries");
    const entries = encodeThriftValue(keyValues(withArrowSchema(columns, change(decodeFooter(footer, start).entries))));
    const replaced = concatenate([footer.subarray(0, found.start), entries, footer.subarray(found.end)]);
    return { start, bytes: concatenate([replaced, bytesOf(Uint32Array.of(replaced.length)), MAGIC]) };
  });
}
