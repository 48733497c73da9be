import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { createLabelMapFile, type Json, LabelMaps } from "../../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "./fixture.ts";

/** Writes a Parquet file with DuckDB: another writer, other encodings. */
async function writeWithDuckDB(columns: string, metadata?: Json): Promise<string> {
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const entry = metadata === undefined ? "" : `, KV_METADATA {relabel: '${JSON.stringify(metadata)}'}`;
  await connection.run(`COPY (SELECT ${columns}) TO '${path}' (FORMAT parquet${entry})`);
  connection.closeSync();
  instance.closeSync();
  return path;
}

const COLUMNS = {
  key: "'a.jpg' AS key",
  label: "7::INTEGER AS label",
  width: "3::INTEGER AS width",
  height: "4::INTEGER AS height",
  class: "[1, 2]::USMALLINT[] AS class",
  score: "[1.5, 0.5]::FLOAT[] AS score",
  top_class: "[1]::USMALLINT[] AS top_class",
  top_probability: "[0.5]::FLOAT[] AS top_probability",
};

const metadata = smallMetadata({ k: 2, grid: [1, 1] });

async function messageOf(path: string): Promise<string> {
  const error = await assertRejects(async () => {
    const file = await LabelMaps.open(path);
    try {
      await Array.fromAsync(file.rows());
    } finally {
      file.close();
    }
  }, Error);
  return `${error.name}: ${error.message.replace(path, "a.parquet")}`;
}

Deno.test("LabelMaps.open() reads what another writer made of the same columns", async () => {
  const file = await LabelMaps.open(await writeWithDuckDB(Object.values(COLUMNS).join(), metadata));
  assertEquals(await file.get(0), {
    key: "a.jpg",
    label: 7,
    width: 3,
    height: 4,
    class: Uint16Array.of(1, 2),
    score: Float32Array.of(1.5, 0.5),
    topClass: Uint16Array.of(1),
    topProbability: Float32Array.of(0.5),
  });
  await assertRejects(() => file.get(1), RangeError, "row 1 is not among its 1");
  file.close();
});

Deno.test("LabelMaps.open() refuses columns that are not what the metadata says", async () => {
  const start = 'Cannot read label map "a.parquet":';
  const cases: [Partial<typeof COLUMNS>, Json | undefined, string][] = [
    [{}, undefined, `TypeError: ${start} it has no metadata entry "relabel"`],
    [{}, { ...metadata, version: 2 }, `RangeError: ${start} format version is 2, expected 1`],
    [
      {},
      { ...metadata, dtype: "int8" },
      `RangeError: ${start} dtype is "int8", expected one of fp32, fp16, fp8_e4m3, fp8_e5m2`,
    ],
    [
      {},
      { ...metadata, dtype: "fp16" },
      `TypeError: ${start} column "score" is list of float32, expected list of float16`,
    ],
    [
      {},
      { ...metadata, classes: 70000 },
      `TypeError: ${start} column "class" is list of uint16, expected list of uint32`,
    ],
    [
      {},
      { ...metadata, k: 1 },
      `TypeError: ${start} column "class" of row group 0 is damaged: it has 2 values, expected 1 x 1`,
    ],
    [
      { score: "[1]::BIGINT[] AS score" },
      metadata,
      `TypeError: ${start} column "score" is list of int64, expected list of float32`,
    ],
    [{ key: "1::INTEGER AS key" }, metadata, `TypeError: ${start} column "key" is int32, expected utf8`],
    [{ width: "1 AS breadth" }, metadata, `TypeError: ${start} column "width" is missing`],
  ];
  for (const [columns, entry, message] of cases) {
    const path = await writeWithDuckDB(Object.values({ ...COLUMNS, ...columns }).join(), entry);
    assertEquals(await messageOf(path), message);
  }
});

Deno.test("LabelMaps.open() refuses a file that is cut off, damaged, empty or not there", async () => {
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const small = smallMetadata();
  const writer = createLabelMapFile(path, small);
  for (let index = 0; index < 20; index++) writer.append(smallRow(index, small));
  writer.finish();
  const whole = Deno.readFileSync(path);
  const start = 'TypeError: Cannot read label map "a.parquet":';
  for (const length of [0, 3, 100, whole.length - 1]) {
    Deno.writeFileSync(path, whole.subarray(0, length));
    assertEquals((await messageOf(path)).startsWith(`${start} it is not a whole Parquet file: `), true);
  }
  Deno.writeFileSync(path, whole.map((byte, index) => index > 40 && index < 400 ? 0x55 : byte));
  assertMatch(await messageOf(path), /^TypeError: .*: column "\w+" of row group 0 is damaged: /);
  await assertRejects(() => LabelMaps.open(`${path}.no`), Deno.errors.NotFound, `Cannot read label map "${path}.no": `);
});
