/**
 * Label maps on disk as parquet-wasm and apache-arrow keep them, for `deno task bench:choose`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { LabelMapType } from "../../formats/labels/mod.ts";
import { metadataOf } from "../choose/sparse.ts";
import { randomOrder, rowOf, type Rows, type Store } from "../choose/stores.ts";
import { tableOfRows, type TableWriter, tableWriters } from "./writers.ts";

/** parquet-wasm decodes a whole row group for a row. */
const RANDOM_ROWS = 32;

/** A store of each library; what it reads must be what was written. */
export async function libraryStores(folder: string, rows: Rows, dtype: LabelMapType): Promise<Store[]> {
  const stores: Store[] = [];
  for (const writer of tableWriters) stores.push(await libraryStore(folder, rows, dtype, writer));
  return stores;
}

async function libraryStore(
  folder: string,
  rows: Rows,
  dtype: LabelMapType,
  { name, container, write, read }: TableWriter,
): Promise<Store> {
  const metadata = metadataOf(rows.maps, rows.best.k, dtype);
  const path = join(folder, `${name}-${dtype}.${container}`);
  const tableOf = (count: number) =>
    tableOfRows(Array.from({ length: count }, (_, row) => rowOf(rows, metadata, row)), metadata);
  const weighed = await tableOf(rows.maps.count);
  const bytes = write(weighed);
  assertEquals(read(bytes).toArray().map(String), weighed.toArray().map(String));
  const encode = async () => Deno.writeFileSync(path, write(await tableOf(rows.count)));
  await encode();
  const order = randomOrder(rows.count);
  const randomRows = container === "parquet" ? Math.min(RANDOM_ROWS, rows.count) : rows.count;
  return {
    name: `${dtype}, ${name}`,
    bytes: bytes.length / rows.maps.count,
    encode,
    decode() {
      const scores = read(Deno.readFileSync(path)).getChild("score")!;
      for (let row = 0; row < scores.length; row++) scores.get(row).toArray();
    },
    randomRows,
    readAtRandom() {
      const file = Deno.readFileSync(path);
      const whole = container === "arrow" ? read(file) : undefined;
      for (const row of order.slice(0, randomRows)) {
        const [table, place] = whole ? [whole, row] : [read(file, row), 0];
        for (const column of ["class", "score"]) table.getChild(column)!.get(place).toArray();
      }
    },
    close() {},
  };
}
