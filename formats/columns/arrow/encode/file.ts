/**
 * An Arrow IPC file: magic, the schema's message, record batches, footer.
 *
 * @module
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
 */

import { bytesOf, concatenate } from "../../../base/bytes.ts";
import type { Column, PlacedColumn } from "../../columns.ts";
import type { FileEncoder } from "../../container.ts";
import type { Json } from "../../../base/json.ts";
import { CONTINUATION, HEADERS, MAGIC, VERSION_5 } from "../format.ts";
import { encodeFlatbuffer, int16, structs, table } from "./flatbuffer.ts";
import { encodeMessage } from "./message.ts";
import { encodeRecordBatch } from "./record_batch.ts";
import { schemaTable } from "./schema.ts";

/**
 * Begins an Arrow file. Its schema has the metadata entry `relabel`, as a Parquet file has it.
 *
 * @param columns The columns, in order.
 * @param metadata What the file says of its rows.
 * @returns The file's encoder.
 */
export function arrowEncoder(columns: readonly Column[], metadata: Json): FileEncoder {
  const schema = schemaTable(columns, [["relabel", JSON.stringify(metadata)]]);
  // In the footer, the length of a header has 4 bytes and 4 of padding: together an integer of 8.
  const blocks: [offset: number, messageLength: number, bodyLength: number][] = [];
  let offset = 0;
  function* rowGroup(values: readonly PlacedColumn[], rows: number): Generator<Uint8Array> {
    const { message, body, bodyLength } = encodeRecordBatch(columns, values, rows);
    blocks.push([offset, message.length, bodyLength]);
    offset += message.length + bodyLength;
    yield message;
    yield* body;
  }
  return {
    start() {
      const start = concatenate([MAGIC, new Uint8Array(2), encodeMessage(HEADERS.schema, schema, 0)]);
      offset = start.length;
      return start;
    },
    rowGroup,
    // Nothing of it takes long.
    rowGroupInThread: (values, rows) => Promise.resolve(rowGroup(values, rows)),
    end() {
      const footer = encodeFlatbuffer({ 0: int16(VERSION_5), 1: table(schema), 2: structs([]), 3: structs(blocks) });
      const endOfStream = bytesOf(Uint32Array.of(CONTINUATION, 0));
      return concatenate([endOfStream, footer, bytesOf(Uint32Array.of(footer.length)), MAGIC]);
    },
  };
}
