import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { columnStatistics } from "../../../../../formats/columns/parquet/encode/statistics.ts";
import { createLabelMapFile } from "../../../../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "../../../labels/fixture.ts";

const decoder = new TextDecoder();

function textBounds(values: readonly string[]): string[] {
  const { bounds } = columnStatistics({ type: "utf8", values }, 0)!;
  return [bounds!.least, bounds!.greatest].map((bytes) => decoder.decode(bytes));
}

Deno.test("columnStatistics() orders strings by their bytes and not by their UTF-16", () => {
  assertEquals(textBounds(["b", "a/2", "a", "Z"]), ["Z", "b"]);
  assertEquals(textBounds(["\u{1f600}", "\uff5e"]), ["\uff5e", "\u{1f600}"]);
});

Deno.test("columnStatistics() orders integers by value", () => {
  const { bounds } = columnStatistics({ type: "int32", values: Int32Array.of(3, -7, 300) }, 0)!;
  const read = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  assertEquals([bounds!.least, bounds!.greatest].map(read), [-7, 300]);
});

Deno.test("columnStatistics() counts nulls, and has no bounds of nothing", () => {
  assertEquals(columnStatistics({ type: "int32", values: new Int32Array() }, 4), { nullCount: 4 });
});

Deno.test("columnStatistics() leaves maps alone", () => {
  assertEquals(columnStatistics({ type: "uint16", values: Uint16Array.of(1) }, 0), undefined);
});

Deno.test("DuckDB reads the bounds of a file and finds rows by them", async () => {
  const metadata = smallMetadata({ grid: [64, 64] });
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const writer = createLabelMapFile(path, metadata);
  const rows = Array.from({ length: 50 }, (_, index) => ({ ...smallRow(index, metadata), key: `${100 + index}.jpg` }));
  for (const row of rows) writer.append(row);
  writer.finish();
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const read = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
  const found = await read(`SELECT row_group_id, path_in_schema, stats_min_value, stats_max_value, stats_null_count
    FROM parquet_metadata('${path}') WHERE column_id < 5`);
  const groups = Math.ceil(50 / 23);
  const expected = Array.from({ length: groups }, (_, group) => {
    const inGroup = rows.slice(group * 23, group * 23 + 23);
    const [first, last] = [inGroup[0], inGroup.at(-1)!];
    const labels = inGroup.map(({ label }) => label).filter((label) => label !== null);
    const number = (name: string, values: readonly number[], nulls: number) => [
      `${group}`,
      name,
      `${Math.min(...values)}`,
      `${Math.max(...values)}`,
      `${nulls}`,
    ];
    return [
      [`${group}`, "key", first.key, last.key, "0"],
      number("label", labels, inGroup.length - labels.length),
      number("width", inGroup.map(({ width }) => width), 0),
      number("height", inGroup.map(({ height }) => height), 0),
      [`${group}`, "class, list, element", null, null, null],
    ];
  });
  assertEquals(found, expected.flat());
  assertEquals(await read(`SELECT count(*) FROM read_parquet('${path}') WHERE key = '130.jpg'`), [["1"]]);
  assertEquals(await read(`SELECT count(*) FROM read_parquet('${path}') WHERE label IS NULL`), [["17"]]);
  connection.closeSync();
  instance.closeSync();
});
