import { assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  type Container,
  containers,
  createLabelMapFile,
  type LabelMapBatch,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMaps,
  openLabelMapFolder,
  openLabelMaps,
} from "../../../formats/labels/mod.ts";
import { smallConfiguration, smallMetadata, smallRow } from "./fixture.ts";
import { writeFolder } from "./write_folder.ts";

const CONFIG = fromFileUrl(new URL("../../../deno.json", import.meta.url));

/** Writes files of some rows each, numbered from `first` on, into a new folder without a manifest. */
function writeFiles(names: readonly string[], rowsEach: number, metadata: LabelMapMetadata = smallMetadata()): string {
  const path = Deno.makeTempDirSync();
  names.forEach((name, file) => {
    const writer = createLabelMapFile(join(path, name), metadata);
    for (let row = 0; row < rowsEach; row++) writer.append(smallRow(file * rowsEach + row, metadata));
    writer.finish();
  });
  return path;
}

/** Maps of 3 x 64 x 64 values: 23 rows a group, so that a file of 50 has three groups. */
const large = smallMetadata({ grid: [64, 64], dtype: "fp16" });

async function keysOf(labelMaps: LabelMaps, order?: { seed: number; epoch?: number }): Promise<string[]> {
  return (await Array.fromAsync(labelMaps.rows(order))).map(({ key }) => key);
}

/** That a batch holds the maps of rows one after the other. */
function assertMaps(batch: LabelMapBatch, rows: readonly LabelMapRow[]): void {
  for (const name of ["class", "score"] as const) {
    const expected = rows.flatMap((row) => [...row[name]]);
    assertEquals(batch[name].length, expected.length);
    assertEquals(batch[name].findIndex((value, place) => value !== expected[place]), -1, name);
  }
}

async function messageOf(path: string): Promise<string> {
  const error = await assertRejects(async () => (await openLabelMaps(path)).close(), Error);
  return `${error.name}: ${error.message}`;
}

for (const container of containers) {
  for (const preload of [false, true]) {
    const how = `${container}, ${preload ? "preloaded" : "not preloaded"}`;
    const open = () =>
      openLabelMaps(writeFiles([`a.${container}`, `b.${container}`], 50, large), { preload, cacheBytes: 100_000 });
    const rows = Array.from({ length: 100 }, (_, index) => smallRow(index, large));

    Deno.test(`get(), rows() and indexOf() give what was written (${how})`, async () => {
      const labelMaps = await open();
      assertEquals(labelMaps.length, 100);
      assertEquals(labelMaps.metadata, large);
      assertEquals(await Array.fromAsync(labelMaps.rows()), rows);
      for (const index of [99, 0, 50, 49, 22, 23]) assertEquals(await labelMaps.get(index), rows[index]);
      for (const index of [0, 57, 99]) assertEquals(await labelMaps.indexOf(`kind/${index}.jpg`), index);
      assertEquals(await labelMaps.indexOf("kind/100.jpg"), undefined);
      labelMaps.close();
    });

    Deno.test(`batch() joins the maps of any rows in the order asked for (${how})`, async () => {
      const labelMaps = await open();
      const indices = [71, 3, 4, 5, 99, 0, 3, 22, 23, 24, 49, 50];
      const batch = await labelMaps.batch(indices);
      assertEquals({ ...batch, class: undefined, score: undefined }, {
        count: 12,
        k: 3,
        grid: [64, 64],
        classes: 12,
        dtype: "fp16",
        class: undefined,
        score: undefined,
      });
      assertMaps(batch, indices.map((index) => rows[index]));
      assertMaps(await labelMaps.batch(Uint32Array.from({ length: 40 }, (_, index) => 30 + index)), rows.slice(30, 70));
      assertEquals((await labelMaps.batch([])).class.length, 0);
      labelMaps.close();
    });
  }
}

Deno.test("batch() does not copy rows that are preloaded and follow each other", async () => {
  const labelMaps = await openLabelMaps(writeFiles(["a.arrow"], 20), { preload: true });
  const [whole, some] = [await labelMaps.batch([0, 1, 2, 3, 4, 5]), await labelMaps.batch([2, 3])];
  assertStrictEquals(some.class.buffer, whole.class.buffer);
  assertStrictEquals(some.score.buffer, whole.score.buffer);
  assertEquals(some.class.byteOffset - whole.class.byteOffset, 2 * 24 * 2);
  labelMaps.close();
});

Deno.test("rows of get() and rows() are the caller's own", async () => {
  for (const container of containers) {
    const labelMaps = await openLabelMaps(writeFiles([`a.${container}`], 4), { preload: container === "arrow" });
    const row = await labelMaps.get(1);
    row.class.fill(0);
    row.score.fill(0);
    assertEquals(await labelMaps.get(1), smallRow(1, smallMetadata()));
    for await (const row of labelMaps.rows()) row.score.fill(0);
    assertEquals(await labelMaps.get(2), smallRow(2, smallMetadata()));
    labelMaps.close();
  }
});

Deno.test("rows() is shuffled by seed and epoch alone", async () => {
  const names = ["0", "1", "2", "3"].map((name) => `${name}.parquet`);
  const [one, other] = [
    await openLabelMaps(writeFiles(names, 10)),
    await openLabelMaps(writeFiles(["a.arrow"], 40), { preload: true }),
  ];
  const order = await keysOf(one, { seed: 7, epoch: 3 });
  assertEquals([...order].sort(), (await keysOf(one)).sort());
  assertNotEquals(order, await keysOf(one));
  assertEquals(await keysOf(other, { seed: 7, epoch: 3 }), order);
  for (const different of [{ seed: 7, epoch: 4 }, { seed: 8, epoch: 3 }, { seed: 7 }]) {
    assertNotEquals(await keysOf(one, different), order);
  }
  assertEquals(await keysOf(one, { seed: 7, epoch: 0 }), await keysOf(one, { seed: 7 }));
  one.close();
  other.close();
});

Deno.test("openLabelMaps() reads a folder's finished parts and class names, Parquet or Arrow", async () => {
  for (const container of ["parquet", "arrow"] satisfies Container[]) {
    const path = Deno.makeTempDirSync();
    const name = Array.from({ length: 12 }, (_, index) => `class ${index}`);
    const names = { classes: { name }, dataSetClasses: { name: ["kind"] } };
    const folder = openLabelMapFolder(path, smallConfiguration({ container }), names);
    for (const index of [3, 0]) {
      const part = folder.startPart(index);
      part.append(smallRow(4 * index, smallMetadata()));
      if (index === 0) part.append(smallRow(1, smallMetadata()));
      part.finish();
    }
    folder.startPart(1).reject({ index: 4, key: "kind/4.jpg", reason: "Empty" });
    folder.close();
    const labelMaps = await openLabelMaps(path);
    assertEquals(await keysOf(labelMaps), [0, 1, 12].map((index) => `kind/${index}.jpg`));
    assertEquals(labelMaps.classes, names.classes);
    assertEquals(labelMaps.dataSetClasses, names.dataSetClasses);
    labelMaps.close();
  }
});

Deno.test("openLabelMaps() reads a folder without a manifest, and patterns, in natural order", async () => {
  const path = writeFiles(["2.parquet", "10.arrow", "1.parquet", "20.parquet"], 3);
  Deno.writeTextFileSync(join(path, "notes.txt"), "mine");
  const read = async (pattern: string) => {
    const labelMaps = await openLabelMaps(join(path, pattern));
    const keys = await keysOf(labelMaps);
    labelMaps.close();
    return keys.filter((_, index) => index % 3 === 0);
  };
  assertEquals(await read(""), ["kind/6.jpg", "kind/0.jpg", "kind/3.jpg", "kind/9.jpg"]);
  assertEquals(await read("*.parquet"), ["kind/6.jpg", "kind/0.jpg", "kind/9.jpg"]);
  assertEquals(await read("{1..2}.parquet"), ["kind/6.jpg", "kind/0.jpg"]);
  assertEquals(await read("[12]?.*"), ["kind/3.jpg", "kind/9.jpg"]);
  assertEquals(await read("../*/20.parquet".replace("*", `${path.split("/").at(-1)!.slice(0, -1)}?`)), ["kind/9.jpg"]);
});

Deno.test("openLabelMaps() takes a name with brackets for a file if there is one", async () => {
  const path = writeFiles(["a[1].parquet"], 2);
  const labelMaps = await openLabelMaps(join(path, "a[1].parquet"));
  assertEquals(labelMaps.length, 2);
  labelMaps.close();
});

Deno.test("openLabelMaps() holds more files than it keeps open", async () => {
  const names = Array.from({ length: 80 }, (_, index) => `${index}.parquet`);
  const labelMaps = await openLabelMaps(writeFiles(names, 2));
  assertEquals(labelMaps.length, 160);
  assertEquals((await keysOf(labelMaps)).length, 160);
  assertEquals((await labelMaps.get(1)).key, "kind/1.jpg");
  labelMaps.close();
});

Deno.test("openLabelMaps() refuses files that are not of one data set", async () => {
  const path = writeFiles(["a.parquet"], 2);
  const other = createLabelMapFile(join(path, "b.arrow"), smallMetadata({ k: 2, dtype: "fp16" }));
  other.finish();
  assertEquals(
    await messageOf(path),
    `TypeError: Cannot read label maps from "${path}": "${join(path, "b.arrow")}" is not of one data set with ` +
      `"${join(path, "a.parquet")}": k was 3, is 2; dtype was "fp32", is "fp16"`,
  );
});

Deno.test("openLabelMaps() refuses a part that is not as its manifest says", async () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, 18);
  const part = join(path, "part-00001.parquet");
  const metadata = smallMetadata({ grid: [16, 16] });
  const rewrite = (metadata: LabelMapMetadata, rows: number) => {
    const writer = createLabelMapFile(part, metadata);
    for (let row = 0; row < rows; row++) writer.append(smallRow(row, metadata));
    writer.finish();
  };
  rewrite(metadata, 2);
  const start = `TypeError: Cannot read label maps from "${path}": "${part}"`;
  assertEquals(await messageOf(path), `${start} has 2 rows, its manifest says 4`);
  rewrite({ ...metadata, k: 2 }, 4);
  assertEquals(await messageOf(path), `${start} is not of one data set with its manifest: k was 3, is 2`);
});

Deno.test("openLabelMaps() refuses paths where nothing is to be read", async () => {
  const path = Deno.makeTempDirSync();
  const start = `NotFound: Cannot read label maps from "${path}`;
  assertEquals(await messageOf(path), `${start}": it holds no manifest.json and no Parquet or Arrow files`);
  assertEquals(await messageOf(`${path}/*.parquet`), `${start}/*.parquet": no file matches`);
  assertEquals(
    await messageOf(`${path}/part-00000.parquet`),
    `NotFound: Cannot read label map "${path}/part-00000.parquet": no such file or directory`,
  );
  openLabelMapFolder(path, smallConfiguration()).close();
  assertEquals(await messageOf(path), `${start}": no part is finished yet`);
});

Deno.test("rows that are not there are refused, and a closed reader reads nothing", async () => {
  const path = writeFiles(["a.parquet"], 3);
  const labelMaps = await openLabelMaps(path);
  const start = `Cannot read label maps from "${path}":`;
  for (const index of [-1, 3, 0.5, NaN]) {
    await assertRejects(() => labelMaps.get(index), RangeError, `${start} row ${index} is not among its 3`);
    await assertRejects(() => labelMaps.batch([0, index]), RangeError, `${start} row ${index} is not among its 3`);
  }
  await assertRejects(() => keysOf(labelMaps, { seed: 0.5 }), RangeError, "seed is 0.5, expected an integer");
  await assertRejects(() => keysOf(labelMaps, { seed: 0, epoch: -1 }), RangeError, "epoch is -1, expected 0 or more");
  labelMaps.close();
  for (const read of [() => labelMaps.get(0), () => labelMaps.indexOf("a"), () => labelMaps.batch([0])]) {
    await assertRejects(async () => void await read(), TypeError, `${start} it is closed`);
  }
});

Deno.test("reading holds up nothing else: no call is done before others had their turn", async () => {
  const path = writeFiles(["a.parquet", "b.arrow"], 10);
  const labelMaps = await openLabelMaps(path);
  const calls: Record<string, () => Promise<unknown>> = {
    openLabelMaps: async () => (await openLabelMaps(path)).close(),
    preload: async () => (await openLabelMaps(path, { preload: true })).close(),
    get: () => labelMaps.get(15),
    batch: () => labelMaps.batch([3, 17]),
    indexOf: () => labelMaps.indexOf("kind/12.jpg"),
    rows: () => Array.fromAsync(labelMaps.rows()),
    list: () => Array.fromAsync(labelMaps.list()),
    columns: () => Array.fromAsync(labelMaps.columns()),
  };
  for (const [name, call] of Object.entries(calls)) {
    let isDone = false;
    const done = call().then(() => isDone = true);
    // What only waits for promises that are settled is done after some of these, before any timer or file.
    for (let turn = 0; turn < 1000; turn++) await undefined;
    assertEquals(isDone, false, name);
    await done;
  }
  labelMaps.close();
});

Deno.test("calls at once give what they give one by one, and those under way when it is closed are finished", async () => {
  for (const container of containers) {
    const labelMaps = await openLabelMaps(writeFiles([`a.${container}`, `b.${container}`], 25, large), {
      cacheBytes: 0,
    });
    const indices = Array.from({ length: 50 }, (_, index) => index * 37 % 50);
    const [rows, batch, place] = [
      Promise.all(indices.map((index) => labelMaps.get(index))),
      labelMaps.batch(indices),
      labelMaps.indexOf("kind/47.jpg"),
    ];
    labelMaps.close();
    const expected = indices.map((index) => smallRow(index, large));
    assertEquals(await rows, expected);
    assertMaps(await batch, expected);
    assertEquals(await place, 47);
  }
});

Deno.test("a program ends although its label maps are open", async () => {
  const module = new URL("../../../formats/labels/mod.ts", import.meta.url);
  const script = Deno.makeTempFileSync({ suffix: ".ts" });
  Deno.writeTextFileSync(
    script,
    `import { openLabelMaps } from "${module}";
    const labelMaps = await openLabelMaps(Deno.args[0]);
    console.log((await labelMaps.get(1)).key);`,
  );
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--config", CONFIG, script, writeFiles(["a.parquet"], 3)],
  }).output();
  const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals([code, texts[0]], [0, "kind/1.jpg\n"], texts[1]);
});
