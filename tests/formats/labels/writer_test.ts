import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  createLabelMapFile,
  dequantise,
  type LabelMapMetadata,
  type LabelMapRow,
  labelMapTypes,
  openLabelMapFolder,
  openLabelMaps,
} from "../../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows, smallMetadata, smallRow } from "./fixture.ts";

/** Writes rows to a new file and returns its path. */
function writeRows(rows: readonly LabelMapRow[], metadata: LabelMapMetadata): string {
  const path = join(Deno.makeTempDirSync(), "part-00000.parquet");
  const writer = createLabelMapFile(path, metadata);
  for (const row of rows) writer.append(row);
  const { bytes } = writer.finish();
  assertEquals(bytes, Deno.statSync(path).size);
  return path;
}

async function readRows(path: string): Promise<LabelMapRow[]> {
  const file = await openLabelMaps(path);
  const rows = await Array.fromAsync(file.rows());
  file.close();
  return rows;
}

/** What DuckDB sees in a file, as plain rows. */
function queryRows(path: string): Promise<unknown[][]> {
  return query(`SELECT * FROM read_parquet('${path}')`);
}

/** What DuckDB answers, as plain rows. */
async function query(sql: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(sql);
  const rows = reader.getRowsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

function plainRow(row: LabelMapRow, { dtype }: LabelMapMetadata): unknown[] {
  const score = dtype.startsWith("fp8") ? row.score : dequantise(row.score, dtype);
  const lists = [row.class, score, row.topClass, row.topProbability].map((list) => [...list]);
  return [row.key, row.label, row.width, row.height, ...lists];
}

for (const dtype of labelMapTypes) {
  Deno.test(`createLabelMapFile() writes ${dtype} maps that openLabelMaps() and DuckDB read back exactly`, async () => {
    const metadata = fixtureMetadata(dtype);
    const rows = fixtureRows(dtype);
    const path = writeRows(rows, metadata);
    assertEquals(await readRows(path), rows);
    assertEquals(await queryRows(path), rows.map((row) => plainRow(row, metadata)));
  });
}

Deno.test("DuckDB finds the types of the columns and the metadata", async () => {
  const scores = { fp32: "FLOAT[]", fp16: "FLOAT[]", fp8_e4m3: "UTINYINT[]", fp8_e5m2: "UTINYINT[]" };
  for (const dtype of labelMapTypes) {
    const metadata = smallMetadata({ dtype });
    const path = writeRows([smallRow(0, metadata)], metadata);
    const types = await query(`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('${path}'))`);
    assertEquals(types, [
      ["key", "VARCHAR"],
      ["label", "INTEGER"],
      ["width", "INTEGER"],
      ["height", "INTEGER"],
      ["class", "USMALLINT[]"],
      ["score", scores[dtype]],
      ["top_class", "USMALLINT[]"],
      ["top_probability", "FLOAT[]"],
    ]);
    const entries = await query(
      `SELECT decode(value) FROM parquet_kv_metadata('${path}') WHERE decode(key) = 'relabel'`,
    );
    assertEquals(JSON.parse(entries[0][0] as string), metadata);
  }
});

Deno.test("createLabelMapFile() makes the same bytes of the same rows", () => {
  const rows = fixtureRows("fp16").slice(0, 40);
  const [first, second] = [1, 2].map(() => Deno.readFileSync(writeRows(rows, fixtureMetadata("fp16"))));
  assertEquals(first, second);
});

Deno.test("a folder of the fixture's maps takes at most the promised bytes an image, manifest and all", () => {
  const promised = { fp32: 5000, fp16: 3400, fp8_e4m3: 2350, fp8_e5m2: 2200 };
  const table = Deno.readTextFileSync(new URL("../../../assets/imagenet/classes.tsv", import.meta.url));
  const lines = table.trimEnd().split("\n").slice(1).map((line) => line.split("\t"));
  const [wnid, name] = [1, 2].map((column) => lines.map((line) => line[column]));
  for (const dtype of labelMapTypes) {
    const path = Deno.makeTempDirSync();
    const folder = openLabelMapFolder(path, { metadata: fixtureMetadata(dtype), rowsPerFile: 1024, images: 256 }, {
      classes: { wnid, name },
      dataSetClasses: { name: wnid },
    });
    const part = folder.startPart(0);
    for (const row of fixtureRows(dtype)) part.append(row);
    part.finish();
    folder.close();
    const bytes = [...Deno.readDirSync(path)].reduce((sum, { name }) => sum + Deno.statSync(join(path, name)).size, 0);
    assertLessOrEqual(bytes / 256, promised[dtype], dtype);
  }
});

Deno.test("createLabelMapFile() stores classes in 32 bits from 65,536 on", async () => {
  for (const [classes, Type] of [[65535, Uint16Array], [65536, Uint32Array], [2 ** 32, Uint32Array]] as const) {
    const metadata = smallMetadata({ classes });
    const row = smallRow(0, metadata);
    row.class[0] = classes - 1;
    const path = writeRows([row], metadata);
    const [back] = await readRows(path);
    assertEquals(back, row);
    assertEquals(back.class instanceof Type, true);
    assertEquals(await queryRows(path), [plainRow(row, metadata)]);
  }
});

Deno.test("createLabelMapFile() writes more different classes than a dictionary has codes for", async () => {
  const metadata = smallMetadata({ classes: 1_000_000, k: 1, grid: [300, 300] });
  const rows = [0, 1, 2].map((index) => smallRow(index, metadata));
  assertEquals(new Set(rows.flatMap((row) => [...row.class])).size > 65536, true);
  const path = writeRows(rows, metadata);
  assertEquals(await readRows(path), rows);
  assertEquals(await queryRows(path), rows.map((row) => plainRow(row, metadata)));
});

Deno.test("createLabelMapFile() splits rows into row groups that read back in order", async () => {
  const metadata = smallMetadata({ grid: [64, 64] });
  const rows = Array.from({ length: 50 }, (_, index) => smallRow(index, metadata));
  const path = writeRows(rows, metadata);
  assertEquals(await readRows(path), rows);
  const file = await openLabelMaps(path);
  for (const index of [49, 0, 23, 22]) assertEquals(await file.get(index), rows[index]);
  file.close();
});

Deno.test("createLabelMapFile() writes maps of one value, one class and no label", async () => {
  const metadata = smallMetadata({ classes: 1, k: 1, grid: [1, 1], dtype: "fp8_e5m2" });
  const rows = [0, 3, 6].map((index) => smallRow(index, metadata));
  const path = writeRows(rows, metadata);
  assertEquals(await readRows(path), rows);
  assertEquals(await queryRows(path), rows.map((row) => plainRow(row, metadata)));
});

Deno.test("createLabelMapFile() writes a file of no rows", async () => {
  const path = writeRows([], smallMetadata());
  assertEquals(await readRows(path), []);
  assertEquals(await queryRows(path), []);
});

Deno.test("createLabelMapFile() keeps keys of any script, and the exact bits of scores", async () => {
  const metadata = smallMetadata({ dtype: "fp16" });
  const row = { ...smallRow(1, metadata), key: "Käse/写真 'x' \"y\".jpg" };
  row.score.set([0x8000, 0x0001, 0x7bff, 0xfbff]);
  const [back] = await readRows(writeRows([row], metadata));
  assertEquals(back.key, row.key);
  assertEquals(back.score, row.score);
});

Deno.test("append() refuses rows that do not fit the metadata", () => {
  const metadata = smallMetadata();
  const good = smallRow(1, metadata);
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const writer = createLabelMapFile(path, metadata);
  const message = (row: LabelMapRow) => {
    const error = assertThrows(() => writer.append(row), Error);
    return `${error.name}: ${error.message.replace(path, "a.parquet")}`;
  };
  const start = 'Cannot write label map "a.parquet": row "kind/1.jpg":';
  assertEquals(
    [
      message({ ...good, class: new Uint16Array(23) }),
      message({ ...good, class: new Uint32Array(24) }),
      message({ ...good, score: new Uint8Array(24) }),
      message({ ...good, class: new Uint16Array(24).fill(12) }),
      message({ ...good, topProbability: new Float32Array(4) }),
      message({ ...good, score: good.score.with(3, NaN) }),
      message({ ...good, score: good.score.with(3, -Infinity) }),
      message({ ...good, topProbability: good.topProbability.with(4, NaN) }),
      message({ ...good, topProbability: good.topProbability.with(0, 2) }),
      message({ ...good, width: 1.5 }),
      message({ ...good, label: 2 ** 31 }),
    ],
    [
      `TypeError: ${start} class has 23 values, expected 24`,
      `TypeError: ${start} class is Uint32Array, expected Uint16Array`,
      `TypeError: ${start} score is Uint8Array, expected Float32Array`,
      `RangeError: ${start} class holds 12, expected an integer from 0 to 11`,
      `TypeError: ${start} topProbability has 4 values, expected 5`,
      `RangeError: ${start} score at position 3 is NaN, expected a finite number`,
      `RangeError: ${start} score at position 3 is -Infinity, expected a finite number`,
      `RangeError: ${start} topProbability at position 4 is NaN, expected a number from 0 to 1`,
      `RangeError: ${start} topProbability at position 0 is 2, expected a number from 0 to 1`,
      `RangeError: ${start} width is 1.5, expected a 32-bit integer`,
      `RangeError: ${start} label is 2147483648, expected a 32-bit integer`,
    ],
  );
  writer.discard();
  assertEquals([...Deno.readDirSync(join(path, ".."))], []);
});

Deno.test("createLabelMapFile() refuses a folder that is not there, and metadata that is not valid", () => {
  const path = join(Deno.makeTempDirSync(), "none", "a.parquet");
  assertThrows(
    () => createLabelMapFile(path, smallMetadata()),
    Deno.errors.NotFound,
    `Cannot write label map "${path}": `,
  );
  assertThrows(
    () => createLabelMapFile("a.parquet", smallMetadata({ k: 13 })),
    RangeError,
    'Cannot write label map "a.parquet": k is 13, expected 1 to 12, the number of classes',
  );
});
