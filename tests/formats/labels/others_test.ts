import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openLabelMaps, quantise } from "../../../formats/labels/mod.ts";

const FIXTURES = new URL("./fixtures/", import.meta.url).pathname;

/** A row of the fixtures: the formulas that their scripts have. */
function expectedRow(row: number, dtype: "fp32" | "fp16") {
  const list = (length: number, value: (place: number) => number) => Array.from({ length }, (_, place) => value(place));
  return {
    key: `kind/${row}.jpg`,
    label: row % 3 === 0 ? null : row,
    width: 100 + row,
    height: 200 + row,
    class: Uint16Array.from(list(24, (place) => (7 * row + 5 * place) % 12)),
    score: quantise(Float32Array.from(list(24, (place) => ((3 * place + row) % 17) / 4 - 1.5)), dtype),
    topClass: Uint16Array.from(list(5, (rank) => (row + rank) % 12)),
    topProbability: Float32Array.from(list(5, (rank) => 2 ** -(rank + 1))),
  };
}

const files = [...Deno.readDirSync(FIXTURES)].map(({ name }) => name)
  .filter((name) => /\.(parquet|arrows?)$/.test(name) && name !== "pyarrow_lz4.arrow").sort();

Deno.test("there are files of pyarrow, DuckDB and hyparquet-writer to read", () => {
  const writers = new Set(files.map((name) => name.split("_")[0].split(".")[0]));
  assertEquals([...writers].sort(), ["duckdb", "hyparquet", "pyarrow"]);
  assertEquals(files.length, 12);
});

for (const name of files) {
  Deno.test(`openLabelMaps() reads every value of ${name}`, async () => {
    const labelMaps = await openLabelMaps(join(FIXTURES, name), { cacheBytes: 2000 });
    const dtype = name.includes("half") ? "fp16" : "fp32";
    const expected = Array.from({ length: 40 }, (_, row) => expectedRow(row, dtype));
    assertEquals(labelMaps.metadata.dtype, dtype);
    assertEquals(labelMaps.length, 40);
    assertEquals(await Array.fromAsync(labelMaps.rows()), expected);
    for (const row of [39, 0, 17, 16, 15]) assertEquals(await labelMaps.get(row), expected[row]);
    assertEquals(await labelMaps.indexOf("kind/31.jpg"), 31);
    const { class: map, score } = await labelMaps.batch([31, 2, 3, 4, 31]);
    assertEquals(map, Uint16Array.from([31, 2, 3, 4, 31].flatMap((row) => [...expected[row].class])));
    assertEquals([...score], [31, 2, 3, 4, 31].flatMap((row) => [...expected[row].score]));
    labelMaps.close();
  });
}

Deno.test("openLabelMaps() says how to write an Arrow file that is compressed with LZ4", async () => {
  const path = join(FIXTURES, "pyarrow_lz4.arrow");
  await assertRejects(
    () => openLabelMaps(path),
    TypeError,
    `Cannot read label map "${path}": it is not a whole Arrow file: its buffers are compressed with LZ4: ` +
      "write it without compression or with zstd",
  );
});
