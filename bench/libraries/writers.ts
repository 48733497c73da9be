/**
 * What others write label maps with: an Arrow table in, the bytes of a file out, and back.
 *
 * @module
 */

import { type Table, tableFromIPC, tableToIPC } from "apache-arrow";
import {
  Compression,
  Encoding,
  readParquet,
  Table as WasmTable,
  writeParquet,
  WriterPropertiesBuilder,
  WriterVersion,
} from "parquet-wasm";
import { toArrow } from "../../arrow.ts";
import { labelMapColumns } from "../../formats/labels/label_map_columns.ts";
import type { LabelMapMetadata, LabelMapRow } from "../../formats/labels/mod.ts";

/** A library that writes and reads tables. */
export interface TableWriter {
  readonly name: string;
  /** The ending of its files. */
  readonly container: "parquet" | "arrow";
  write(table: Table): Uint8Array;
  /** All rows, or one. */
  read(bytes: Uint8Array, row?: number): Table;
}

/** Rows of a row group, as many as ours have of maps of the published size. */
const GROUP_ROWS = 256;

/**
 * Settings of parquet-wasm that are tried, of which the smallest file counts: it has no level of Zstandard to set, and what is
 * set for a column does not reach the values of its lists.
 */
const SETTINGS: readonly ((properties: WriterPropertiesBuilder) => WriterPropertiesBuilder)[] = [
  (properties) => properties.setWriterVersion(WriterVersion.V2),
  (properties) => properties.setDictionaryPageSizeLimit(4096),
  (properties) =>
    properties.setDictionaryEnabled(false).setEncoding(Encoding.BYTE_STREAM_SPLIT).setColumnEncoding(
      "key",
      Encoding.PLAIN,
    ),
];

/** apache-arrow writes IPC files, not compressed. */
export const tableWriters: readonly TableWriter[] = [
  {
    name: "parquet-wasm",
    container: "parquet",
    write(table) {
      const stream = tableToIPC(table, "stream");
      const files = SETTINGS.map((set) => {
        const properties = new WriterPropertiesBuilder().setCompression(Compression.ZSTD).setMaxRowGroupSize(
          GROUP_ROWS,
        );
        return writeParquet(WasmTable.fromIPCStream(stream), set(properties).build());
      });
      return files.reduce((least, file) => file.length < least.length ? file : least);
    },
    read(bytes, row) {
      const options = row === undefined ? {} : { offset: row, limit: 1 };
      return tableFromIPC(readParquet(bytes, options).intoIPCStream());
    },
  },
  {
    name: "apache-arrow",
    container: "arrow",
    write: (table) => tableToIPC(table, "file"),
    read(bytes, row) {
      const table = tableFromIPC(bytes);
      return row === undefined ? table : table.slice(row, row + 1);
    },
  },
];

/** Rows in memory as an Arrow table. */
export function tableOfRows(rows: readonly LabelMapRow[], metadata: LabelMapMetadata): Promise<Table> {
  const names = { top_class: "topClass", top_probability: "topProbability" } as const;
  const columns = labelMapColumns(metadata).map(({ name, type, shape }) => {
    const values: readonly unknown[] = rows.map((row) => row[names[name as keyof typeof names] ?? name]);
    if (type === "utf8") return { values: values as string[] };
    if (shape !== "list") {
      const present = shape === "optional" ? Uint8Array.from(values, (value) => value === null ? 0 : 1) : undefined;
      return { values: Int32Array.from(values, (value) => Number(value ?? 0)), present };
    }
    const lists = values as Uint16Array[];
    const offsets = lists.reduce((places, { length }) => [...places, places.at(-1)! + length], [0]);
    const all = new (lists[0].constructor as typeof Uint16Array)(offsets.at(-1)!);
    lists.forEach((list, row) => all.set(list, offsets[row]));
    return { values: all, offsets };
  });
  return toArrow({
    metadata,
    async *columns() {
      yield await Promise.resolve({ count: rows.length, columns });
    },
  });
}
