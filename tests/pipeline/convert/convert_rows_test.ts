import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "@std/path";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { torchTensorWriter } from "../../../formats/weights/mod.ts";
import { smallMetadata } from "../../formats/labels/fixture.ts";
import { contents, ROOT, runTask } from "../task.ts";

/** Converts twice, since what one row stops is to be asked for again. */
async function convertTwice(input: string, ...options: string[]) {
  const path = join(Deno.makeTempDirSync(), "out");
  const first = await runTask("convert", input, path, ...options);
  const before = contents(path);
  const again = await runTask("convert", input, path, ...options);
  assertEquals(contents(path), before);
  assertEquals(again.code, first.code, again.error);
  const list = before["rejected.jsonl"] ? Deno.readTextFileSync(join(path, "rejected.jsonl")).trimEnd() : "";
  return {
    path,
    ...first,
    rejected: list.split("\n").map((line): { key: string; reason: string } => JSON.parse(line)),
  };
}

async function keysOf(path: string): Promise<string[]> {
  const labelMaps = await openLabelMaps(path);
  const keys = await Array.fromAsync(labelMaps.list(), ({ key }) => key);
  labelMaps.close();
  return keys;
}

/** A folder of maps `[2, 2, 1, 2]` of which each but `a` and `z` has a score or class that cannot be. */
function mapsFolder(values: Readonly<Record<string, number>>): string {
  const path = Deno.makeTempDirSync();
  const write = torchTensorWriter([2, 2, 1, 2]);
  const good = [4, 3, 2, 1, 0, 1, 2, 3];
  Deno.mkdirSync(join(path, "n1"));
  for (const [name, value] of Object.entries({ a: 4, ...values, z: 4 })) {
    Deno.writeFileSync(join(path, "n1", `${name}.pt`), write(Float32Array.from(good.with(0, value))));
  }
  return path;
}

Deno.test("a published map with a score that is not finite is listed, and the others are converted", async () => {
  const input = mapsFolder({ nan: NaN, plus: Infinity, minus: -Infinity, large: 1e38 });
  const options = ["--layout", "hw", "--classes", "10", "--rows-per-file", "2"];
  const { code, error, out, path, rejected } = await convertTwice(input, ...options);
  assertEquals(code, 0, error);
  assertEquals(await keysOf(path), ["n1/a.JPEG", "n1/large.JPEG", "n1/z.JPEG"]);
  assertEquals(rejected.map(({ key }) => key), ["n1/minus.JPEG", "n1/nan.JPEG", "n1/plus.JPEG"]);
  assertEquals(
    rejected[1].reason,
    'Cannot write the row of "n1/nan.JPEG": score at position 0 is NaN, expected a finite number',
  );
  assertStringIncludes(out, ": 3 images, 3 rejected\n");
  const strict = await runTask(
    "convert",
    input,
    join(Deno.makeTempDirSync(), "out"),
    ...options,
    "--strict",
    "--quiet",
  );
  assertEquals([strict.code, strict.error], [1, `${rejected[0].reason}\n`]);
});

Deno.test("published maps of which none can be converted end with 1", async () => {
  const input = Deno.makeTempDirSync();
  const write = torchTensorWriter([2, 2, 1, 2]);
  Deno.writeFileSync(join(input, "a.pt"), write(new Float32Array(8).fill(NaN)));
  const { code, error, rejected } = await convertTwice(input, "--layout", "hw", "--quiet");
  assertEquals([code, rejected.length], [1, 1]);
  assertEquals(error, `Cannot convert "${input}": none of 1 image could be converted\n`);
});

Deno.test("a crop's label with a probability that is none is listed, and the others are converted", async () => {
  const bytes = Deno.readFileSync(join(ROOT, "tests/formats/published/fixtures/marginal.stream.tar"));
  const input = Deno.makeTempDirSync();
  Deno.writeFileSync(join(input, "a.tar"), bytes);
  Deno.writeFileSync(join(input, "z.tar"), bytes);
  for (const [name, probability] of [["large.tar", 2], ["larger.tar", 2 ** 17], ["none.tar", 2 ** 125]] as const) {
    const view = new DataView(bytes.slice().buffer);
    const place = Array.from(bytes.keys()).find((at) => at + 4 <= bytes.length && view.getFloat32(at, true) === 0.75)!;
    // None of its bytes is above 127: the pickle holds them as text.
    view.setFloat32(place, probability, true);
    Deno.writeFileSync(join(input, name), new Uint8Array(view.buffer));
  }
  const { code, error, rejected } = await convertTwice(input);
  assertEquals(code, 0, error);
  assertEquals(rejected.map(({ key }) => key), ["large.JPEG", "larger.JPEG", "none.JPEG"]);
  assertMatch(rejected[0].reason, /"large.JPEG": probability at position \d is 2, expected a number from 0 to 1$/);
});

Deno.test("a label map's row that cannot be is listed, and the others are converted", async () => {
  const input = join(Deno.makeTempDirSync(), "a.parquet");
  const metadata = smallMetadata({ k: 2, grid: [1, 1], classes: 12 });
  const rows = [
    ["a", "[1, 2]", "[1.5, 0.5]", "[0.5, 0.1, 0.1, 0.1, 0.1]"],
    ["nan", "[1, 2]", "['NaN'::FLOAT, 0.5]", "[0.5, 0.1, 0.1, 0.1, 0.1]"],
    ["class", "[12, 2]", "[1.5, 0.5]", "[0.5, 0.1, 0.1, 0.1, 0.1]"],
    ["probability", "[1, 2]", "[1.5, 0.5]", "['NaN'::FLOAT, 0.1, 0.1, 0.1, 0.1]"],
    ["infinite", "[1, 2]", "['Infinity'::FLOAT, 0.5]", "[0.5, 0.1, 0.1, 0.1, 0.1]"],
    ["z", "[1, 2]", "[1.5, 0.5]", "[0.5, 0.1, 0.1, 0.1, 0.1]"],
  ].map(([key, classes, score, probability]) =>
    `SELECT '${key}' AS key, 7::INTEGER AS label, 3::INTEGER AS width, 4::INTEGER AS height, ` +
    `${classes}::USMALLINT[] AS class, ${score}::FLOAT[] AS score, ` +
    `[1, 2, 3, 4, 5]::USMALLINT[] AS top_class, ${probability}::FLOAT[] AS top_probability`
  );
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(
    `COPY (${rows.join(" UNION ALL ")}) TO '${input}' ` +
      `(FORMAT parquet, KV_METADATA {relabel: '${JSON.stringify(metadata)}'})`,
  );
  connection.closeSync();
  instance.closeSync();
  for (const options of [["--to", "arrow"], ["--top-k", "1"], ["--dtype", "fp16"]]) {
    const { code, error, path, rejected } = await convertTwice(input, ...options);
    assertEquals(code, 0, error);
    assertEquals(await keysOf(path), ["a", "z"]);
    assertEquals(rejected.map(({ key }) => key), ["nan", "class", "probability", "infinite"]);
    assertEquals(
      rejected[0].reason,
      `Cannot read label map "${input}": score of row 1 holds NaN, expected a finite number`,
    );
  }
});
