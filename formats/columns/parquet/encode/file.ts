/**
 * A Parquet file: magic, row groups, offset indexes, footer.
 *
 * @module
 */

import { encodeSchemaMessage } from "../../arrow/encode/schema.ts";
import { lazyThread } from "../../../base/thread.ts";
import type { Column, PlacedColumn } from "../../columns.ts";
import type { FileEncoder } from "../../container.ts";
import type { Json } from "../../../base/json.ts";
import { MAGIC } from "../format.ts";
import { type ColumnChunk, encodeColumn } from "./column.ts";
import type { ColumnFunctions } from "./column_thread.ts";
import { encodeFooter, type RowGroup, type WrittenChunk } from "./footer.ts";

const THREAD = new URL("./column_thread.ts", import.meta.url);
const call = lazyThread<ColumnFunctions>(THREAD, "Cannot encode columns");

/** Values of a group from which on a thread encodes it: some milliseconds' work, where starting the thread takes 50. */
const THREAD_VALUES = 2 ** 16;

/**
 * Begins a Parquet file. Besides the entry `relabel` it has `ARROW:schema`, the Arrow schema in base64: what tells
 * Arrow's readers that the lists of a map all have the same length. It holds `relabel` too: those readers see no other
 * metadata, and pass it on to what they write.
 *
 * @param columns The columns, in order.
 * @param metadata What the file says of its rows.
 * @returns The file's encoder.
 */
export function parquetEncoder(columns: readonly Column[], metadata: Json): FileEncoder {
  const groups: RowGroup[] = [];
  let offset = MAGIC.length;
  function* place(encoded: Iterable<ColumnChunk>, rows: number): Generator<Uint8Array> {
    const chunks: WrittenChunk[] = [];
    for (const { bytes, ...chunk } of encoded) {
      chunks.push({ ...chunk, offset, compressedBytes: bytes.length });
      offset += bytes.length;
      yield bytes;
    }
    groups.push({ rows, chunks });
  }
  const rowGroup = (values: readonly PlacedColumn[], rows: number) => place(values.values().map(encodeColumn), rows);
  return {
    start: () => MAGIC,
    rowGroup,
    async rowGroupInThread(values, rows) {
      const count = values.reduce((sum, { values }) => sum + values.length, 0);
      return count < THREAD_VALUES ? rowGroup(values, rows) : place(await call("encodeColumns", values), rows);
    },
    end() {
      return encodeFooter(columns, groups, withArrowSchema(columns, [["relabel", JSON.stringify(metadata)]]));
    },
  };
}

/**
 * Entries of a file, and the Arrow schema that has them too.
 *
 * @param columns The file's columns, in order.
 * @param entries What the file says of its rows.
 * @returns The entries, with `ARROW:schema` as the last one.
 */
export function withArrowSchema(
  columns: readonly Column[],
  entries: readonly (readonly [key: string, value: string])[],
): (readonly [key: string, value: string])[] {
  return [...entries, ["ARROW:schema", encodeSchemaMessage(columns, entries).toBase64()]];
}
