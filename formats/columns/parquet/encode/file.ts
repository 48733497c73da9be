/**
 * A Parquet file: magic, row groups, offset indexes, footer.
 *
 * @module
 */

import { encodeSchemaMessage } from "../../arrow/encode/schema.ts";
import type { Column } from "../../columns.ts";
import type { FileEncoder } from "../../container.ts";
import type { Json } from "../../../base/json.ts";
import { MAGIC } from "../format.ts";
import { encodeColumn } from "./column.ts";
import { encodeFooter, type RowGroup, type WrittenChunk } from "./footer.ts";

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
  return {
    start: () => MAGIC,
    *rowGroup(values, rows) {
      const chunks: WrittenChunk[] = [];
      for (const { placement, ...column } of values) {
        const { bytes, ...chunk } = encodeColumn(column, placement);
        chunks.push({ ...chunk, offset, compressedBytes: bytes.length });
        offset += bytes.length;
        yield bytes;
      }
      groups.push({ rows, chunks });
    },
    end() {
      const entry = ["relabel", JSON.stringify(metadata)] as const;
      return encodeFooter(columns, groups, [entry, ["ARROW:schema", encodeSchemaMessage(columns, [entry]).toBase64()]]);
    },
  };
}
