/**
 * Programs that others read our files with. Each gives the rows as plain values, and the metadata entry `relabel`.
 *
 * @module
 */

import { DuckDBInstance } from "@duckdb/node-api";
import { tableFromIPC as readWithFlechette } from "@uwdata/flechette";
import { tableFromIPC } from "apache-arrow";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { readParquet } from "parquet-wasm";
import type { Container } from "../../formats/labels/mod.ts";
import type { RunPython } from "../python.ts";

/** What a program found in a file. */
export interface Found {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly metadata: unknown;
}

/** How a program reads a file, or why it does not. */
export type Reading = ((path: string) => Promise<Found> | Found) | string;

const NO_PARQUET = "it reads Arrow only";
const NO_ARROW = "it reads Parquet only";

/** What reads which container. */
export const READERS: Readonly<Record<string, Readonly<Record<Container, Reading>>>> = {
  "apache-arrow": { parquet: NO_PARQUET, arrow: (path) => arrowRows(Deno.readFileSync(path)) },
  flechette: { parquet: NO_PARQUET, arrow: flechetteRows },
  "parquet-wasm": {
    parquet: (path) => arrowRows(readParquet(Deno.readFileSync(path)).intoIPCStream()),
    arrow: NO_ARROW,
  },
  hyparquet: { parquet: hyparquetRows, arrow: NO_ARROW },
  DuckDB: { parquet: duckdbRows, arrow: "it reads Arrow by an extension, which its package does not hold" },
};

/** Reads with pyarrow, which reads both containers. */
export async function pyarrowRows(run: RunPython, path: string): Promise<Found> {
  const { rows, metadata } = JSON.parse(await run(PYARROW, path));
  return { rows, metadata: JSON.parse(metadata) };
}

const PYARROW = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
path = sys.argv[1]
table = pa.ipc.open_file(path).read_all() if path.endswith(".arrow") else pq.read_table(path)
table.validate(full=True)
rows = table.to_pylist()
for row in rows:
    for name, value in row.items():
        if isinstance(value, list): row[name] = [number if isinstance(number, int) else float(number) for number in value]
print(json.dumps({"rows": rows, "metadata": table.schema.metadata[b"relabel"].decode()}))
`;

function arrowRows(bytes: Uint8Array): Found {
  const table = tableFromIPC(bytes);
  return {
    rows: table.toArray().map((row) => plainRow(row.toJSON())),
    metadata: JSON.parse(table.schema.metadata.get("relabel")!),
  };
}

function flechetteRows(path: string): Found {
  const table = readWithFlechette(Deno.readFileSync(path));
  return { rows: table.toArray().map(plainRow), metadata: JSON.parse(table.schema.metadata!.get("relabel")!) };
}

async function hyparquetRows(path: string): Promise<Found> {
  const file = Deno.readFileSync(path).buffer;
  const entry = parquetMetadata(file).key_value_metadata!.find(({ key }) => key === "relabel")!;
  return { rows: await parquetReadObjects({ file, compressors }), metadata: JSON.parse(entry.value!) };
}

async function duckdbRows(path: string): Promise<Found> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
  const rows = await read(`FROM read_parquet('${path}')`);
  const [{ value }] = await read(
    `SELECT decode(value) AS value FROM parquet_kv_metadata('${path}') WHERE decode(key) = 'relabel'`,
  );
  connection.closeSync();
  instance.closeSync();
  return { rows, metadata: JSON.parse(value as string) };
}

/** A row whose lists, whatever they are, are arrays. */
function plainRow(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const isList = typeof value === "object" && value !== null;
      return [name, isList ? [...value as Iterable<unknown>] : value];
    }),
  );
}
