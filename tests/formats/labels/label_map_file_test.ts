import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { basename, join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { arrowEncoder } from "../../../formats/columns/arrow/encode/file.ts";
import { concatenate } from "../../../formats/base/bytes.ts";
import { labelMapColumns, rowGroupColumns } from "../../../formats/labels/label_map_columns.ts";
import {
  type Container,
  containers,
  createLabelMapFile,
  type Json,
  type LabelMapMetadata,
  type LabelMapRow,
  openLabelMaps,
} from "../../../formats/labels/mod.ts";
import { parquetEncoder } from "../../../formats/columns/parquet/encode/file.ts";
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
    const file = await openLabelMaps(path);
    try {
      await Array.fromAsync(file.rows());
    } finally {
      file.close();
    }
  }, Error);
  return `${error.name}: ${error.message.replace(path, basename(path))}`;
}

Deno.test("openLabelMaps() reads what another writer made of the same columns", async () => {
  const file = await openLabelMaps(await writeWithDuckDB(Object.values(COLUMNS).join(), metadata));
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

Deno.test("openLabelMaps() refuses columns that are not what the metadata says", async () => {
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

Deno.test("openLabelMaps() refuses a file that is cut off, damaged, empty or not there", async () => {
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
  await assertRejects(() => openLabelMaps(`${path}.no`), Deno.errors.NotFound, `Cannot read label map "${path}.no": `);
});

/** The best classes of an image, of so many. */
function top(length: number): Pick<LabelMapRow, "topClass" | "topProbability"> {
  return { topClass: Uint16Array.from({ length }, (_, index) => index), topProbability: new Float32Array(length) };
}

/** Writes a file without the checks of `createLabelMapFile`. */
function writeUnchecked(container: Container, rows: readonly LabelMapRow[], written: LabelMapMetadata, said = written) {
  const path = join(Deno.makeTempDirSync(), `a.${container}`);
  const encoder = (container === "arrow" ? arrowEncoder : parquetEncoder)(labelMapColumns(written), said);
  const start = encoder.start();
  const group = [...encoder.rowGroup(rowGroupColumns(rows, written), rows.length)];
  Deno.writeFileSync(path, concatenate([start, ...group, encoder.end()]));
  return path;
}

for (const container of containers) {
  const start = `Cannot read label map "a.${container}":`;
  const small = smallMetadata();
  const row = smallRow(4, small);

  Deno.test(`openLabelMaps() refuses values that cannot be (${container})`, async () => {
    const first = smallRow(0, small);
    const cases: [Partial<LabelMapRow>, RegExp][] = [
      [
        { class: row.class.with(5, 12) },
        /RangeError: .*: class of row 1 holds 12, expected less than 12, the classes$/,
      ],
      [{ topClass: row.topClass.with(2, 99) }, /RangeError: .*: top_class of row 1 holds 99, expected less than 12/],
      [
        { score: (row.score as Float32Array).with(23, NaN) },
        /RangeError: .*: score of row 1 holds NaN, expected a finite number$/,
      ],
      [{ topProbability: new Float32Array(4) }, /row 1 has 5 top classes and 4 probabilities|damaged/],
    ];
    for (const [change, expected] of cases) {
      const path = writeUnchecked(container, [first, { ...row, ...change }], small);
      const found = await messageOf(path);
      assert(found.includes(start), found);
      assertMatch(found, expected);
    }
  });

  Deno.test(`openLabelMaps() refuses columns that its metadata contradicts (${container})`, async () => {
    const cases: [Partial<LabelMapMetadata>, RegExp][] = [
      [{ dtype: "fp8_e4m3" }, /TypeError: .*: column "score" is list of float32, expected list of uint8$/],
      [{ classes: 70_000 }, /TypeError: .*: column "class" is list of uint16, expected list of uint32$/],
      [
        { k: 2 },
        /TypeError: .*: column "class" (has 24 values a row, expected 16|.* it has 24 values, expected 1 x 16)$/,
      ],
      [{ layout: "wh" as "hw" }, /RangeError: .*: layout is "wh", expected "hw"$/],
      [
        { scores: "tanh" as "sigmoid" },
        /RangeError: .*: scores is "tanh", expected one of softmax, sigmoid, presence$/,
      ],
      [{ scores: "sigmoid" }, /RangeError: .*: floor is missing, expected a number: the logit of classes that a/],
      [{ scores: "sigmoid", floor: "-6" as unknown as number }, /RangeError: .*: floor is "-6", expected a number/],
      [{ floor: -6 }, /TypeError: .*: floor is -6, expected none: only sigmoid maps without all classes have it$/],
      [{ scores: "presence", floor: 0 }, /TypeError: .*: floor is 0, expected none/],
    ];
    for (const [change, expected] of cases) {
      assertMatch(
        await messageOf(writeUnchecked(container, [row], small, { ...small, ...change } as LabelMapMetadata)),
        expected,
      );
    }
  });

  Deno.test(`createLabelMapFile() writes what scores are, and openLabelMaps() says it (${container})`, async () => {
    const share = { ...row, score: (row.score as Float32Array).map((_, index) => index / 23) };
    const cases: [Partial<LabelMapMetadata>, LabelMapRow][] = [
      [{ scores: "sigmoid", floor: -6.5 }, row],
      [{ scores: "sigmoid", classes: 3 }, { ...row, class: row.class.map((index) => index % 3), ...top(3) }],
      [{ scores: "presence" }, share],
      [{ scores: "softmax" }, row],
    ];
    for (const [changes, written] of cases) {
      const metadata = smallMetadata(changes);
      const path = join(Deno.makeTempDirSync(), `a.${container}`);
      const writer = createLabelMapFile(path, metadata);
      writer.append(written);
      writer.finish();
      const maps = await openLabelMaps(path);
      assertEquals(maps.metadata, metadata);
      const { scores, floor } = await maps.batch([0]);
      assertEquals([scores, floor], [metadata.scores, metadata.floor]);
      assertEquals(await maps.get(0), written);
      maps.close();
    }
    const writer = createLabelMapFile(join(Deno.makeTempDirSync(), `a.${container}`), smallMetadata(cases[2][0]));
    const more = { ...share, score: share.score.with(2, 1.5) };
    assertThrows(() => writer.append(more), RangeError, "score at position 2 is 1.5, expected a number from 0 to 1");
    writer.discard();
    const path = writeUnchecked(container, [share, more], smallMetadata(cases[2][0]));
    assertMatch(await messageOf(path), /score of row 1 holds 1.5, expected a number from 0 to 1$/);
  });

  Deno.test(`openLabelMaps() refuses a file that is cut off anywhere, or another's (${container})`, async () => {
    const path = writeUnchecked(container, [row, smallRow(5, small)], small);
    const whole = Deno.readFileSync(path);
    const kind = container === "arrow" ? "Arrow" : "Parquet";
    for (let length = 0; length < whole.length; length += length < 40 || length > whole.length - 40 ? 1 : 37) {
      Deno.writeFileSync(path, whole.subarray(0, length));
      assertMatch(await messageOf(path), new RegExp(`^TypeError: ${start} it is not a whole ${kind} file: \\S`));
    }
    for (
      const foreign of [
        "\x89PNG\r\n\x1a\n and the rest of a picture",
        '{"version": 1}',
        "PAR1PAR1PAR1PAR1",
        "ARROW1ARROW1",
      ]
    ) {
      Deno.writeTextFileSync(path, foreign);
      assertMatch(await messageOf(path), /^TypeError: .*: it is not a whole (Arrow|Parquet) file: \S/);
    }
  });

  Deno.test(`openLabelMaps() goes by what a file is, not by its name (${container})`, async () => {
    const path = writeUnchecked(container, [row], small);
    const renamed = path.replace(/\w+$/, container === "arrow" ? "parquet" : "arrow");
    Deno.renameSync(path, renamed);
    const labelMaps = await openLabelMaps(renamed);
    assertEquals(await labelMaps.get(0), row);
    labelMaps.close();
  });
}
