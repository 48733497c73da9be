import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import {
  type LabelMapConfiguration,
  type LabelMapFolderOptions,
  openLabelMapFolder,
  openLabelMaps,
  readManifests,
  shardParts,
} from "../../../formats/labels/mod.ts";
import { smallConfiguration, smallMetadata, smallRow } from "./fixture.ts";
import { writeFolder } from "./write_folder.ts";

const PROGRAM = new URL("./write_folder.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** Every file of a folder by name, as text that keeps its bytes apart. */
function contents(path: string): Record<string, string> {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(path, name)).toBase64()]));
}

/** The message of the error that opening a folder ends in. */
function refusal(path: string, configuration: LabelMapConfiguration, options?: LabelMapFolderOptions): string {
  const error = assertThrows(() => openLabelMapFolder(path, configuration, options).close(), Error);
  return `${error.name}: ${error.message.replaceAll(path, "labels")}`;
}

function program(path: string, images: number): Deno.Command {
  const args = ["run", "--config", CONFIG, "--allow-read", "--allow-write", PROGRAM, path, String(images)];
  return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" });
}

Deno.test("openLabelMapFolder() lists finished parts, rejected images and class names", async () => {
  const path = Deno.makeTempDirSync();
  const configuration = smallConfiguration();
  const twelve = (prefix: string) => Array.from({ length: 12 }, (_, index) => `${prefix}${index}`);
  const options = { classes: { wnid: twelve("n"), name: twelve("class ") }, dataSetClasses: { name: ["kind"] } };
  const folder = openLabelMapFolder(path, configuration, options);
  const second = folder.startPart(1);
  second.append(smallRow(4, configuration.metadata));
  second.reject({ index: 6, key: "kind/6.jpg", reason: "Cut off" });
  second.reject({ index: 5, key: "kind/5.jpg", reason: 'Not an image: "text"' });
  const first = folder.startPart(0);
  first.reject({ index: 2, key: "kind/2.jpg", reason: "Empty" });
  second.finish();
  const { sha256 } = first.finish();
  folder.close();
  assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), [
    "manifest.json",
    "part-00000.parquet",
    "part-00001.parquet",
    "rejected.jsonl",
  ]);
  const [manifest] = readManifests(path);
  assertEquals(manifest, { version: 1, configuration, parts: manifest.parts, ...options });
  assertEquals(manifest.parts.map(({ part, rows, rejected }) => [part, rows, rejected]), [[0, 0, 1], [1, 1, 2]]);
  const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(join(path, "part-00000.parquet")));
  assertEquals(sha256, new Uint8Array(digest).toHex());
  assertEquals(
    Deno.readTextFileSync(join(path, "rejected.jsonl")),
    '{"index":2,"key":"kind/2.jpg","reason":"Empty"}\n' +
      '{"index":5,"key":"kind/5.jpg","reason":"Not an image: \\"text\\""}\n' +
      '{"index":6,"key":"kind/6.jpg","reason":"Cut off"}\n',
  );
  const labelMaps = await openLabelMaps(path);
  assertEquals(await Array.fromAsync(labelMaps.rows()), [smallRow(4, configuration.metadata)]);
  labelMaps.close();
});

Deno.test("a folder whose lock, or part that is being written, is removed says so, and the rest goes on", () => {
  const path = Deno.makeTempDirSync();
  const configuration = smallConfiguration();
  const fill = (folder: ReturnType<typeof openLabelMapFolder>, part: number) => {
    const writer = folder.startPart(part);
    for (let index = part * 4; index < Math.min(part * 4 + 4, 18); index++) {
      writer.append(smallRow(index, configuration.metadata));
    }
    return writer;
  };
  const folder = openLabelMapFolder(path, configuration);
  const first = fill(folder, 0);
  Deno.removeSync(join(path, ".manifest.lock"));
  first.finish();
  assertThrows(() => openLabelMapFolder(path, configuration), Deno.errors.Busy);
  const second = fill(folder, 1);
  Deno.removeSync(join(path, "part-00001.parquet.partial"));
  assertThrows(
    () => second.finish(),
    Deno.errors.NotFound,
    `Cannot write label map "${path}/part-00001.parquet": no such file or directory`,
  );
  const third = fill(folder, 2);
  Deno.removeSync(join(path, ".manifest.lock"));
  const other = openLabelMapFolder(path, configuration);
  assertThrows(
    () => third.finish(),
    Deno.errors.Busy,
    `Cannot write label maps to "${path}": its lock file was removed meanwhile, and another process writes there now`,
  );
  folder.close();
  assertEquals(other.finishedParts, new Set([0]));
  for (const part of [1, 2, 3, 4]) fill(other, part).finish();
  other.close();
  assertEquals(readManifests(path)[0].parts.map(({ part }) => part), [0, 1, 2, 3, 4]);
});

Deno.test("openLabelMaps() reads the rows of a folder in order and by index", async () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, 18);
  const labelMaps = await openLabelMaps(path);
  const expected = Array.from({ length: 18 }, (_, index) => index).filter((index) => index % 7 !== 3);
  assertEquals(labelMaps.length, expected.length);
  const keys = (await Array.fromAsync(labelMaps.rows())).map(({ key }) => key);
  assertEquals(keys, expected.map((index) => `kind/${index}.jpg`));
  for (const position of [14, 0, 7]) assertEquals((await labelMaps.get(position)).key, keys[position]);
  labelMaps.close();
});

Deno.test("a killed run that is started again leaves the bytes of an uninterrupted one", async () => {
  const whole = Deno.makeTempDirSync();
  const images = 120;
  writeFolder(whole, images);
  const expected = contents(whole);
  const path = Deno.makeTempDirSync();
  let kills = 0;
  let isPartial = false;
  for (let wanted = 1; wanted <= 6; wanted++) {
    const child = program(path, images).spawn();
    // The child is killed somewhere after it has listed `wanted` more parts: the point within a part is chance.
    const listed = () => {
      try {
        return readManifests(path)[0].parts.length;
      } catch {
        return 0;
      }
    };
    const start = listed();
    const deadline = Date.now() + 20_000;
    while (listed() < Math.min(start + wanted, 30) && Date.now() < deadline) {
      await new Promise((r) => setTimeout(r, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, wanted % 4));
    try {
      child.kill("SIGKILL");
    } catch { /* It has ended. */ }
    const { signal } = await child.output();
    if (signal === "SIGKILL") kills++;
    isPartial ||= [...Deno.readDirSync(path)].some(({ name }) => name.endsWith(".partial"));
  }
  assert(kills >= 4, `only ${kills} runs were killed`);
  assert(isPartial, "no kill left a partial file");
  const { code } = await program(path, images).output();
  assertEquals(code, 0);
  assertEquals(contents(path), expected);
});

Deno.test("openLabelMapFolder() goes on from every state that a kill between two steps leaves", () => {
  const whole = Deno.makeTempDirSync();
  writeFolder(whole, 18);
  const expected = contents(whole);
  const [manifest] = readManifests(whole);
  const rejected = Deno.readTextFileSync(join(whole, "rejected.jsonl"));
  const states: Record<string, (path: string) => void> = {
    "nothing but the lock": (path) => Deno.writeTextFileSync(join(path, ".manifest.lock"), ""),
    "a partial first manifest": (path) => Deno.writeTextFileSync(join(path, "manifest.json.partial"), "{"),
  };
  for (const finished of [0, 1, 4]) {
    const begin = (path: string) => {
      writeFolder(path, 18);
      const parts = manifest.parts.slice(0, finished);
      const text = Deno.readTextFileSync(join(path, "manifest.json"));
      const lines = text.split("\n").filter((line) =>
        !/^\{"part":/.test(line) || Number(/\d+/.exec(line)![0]) < finished
      );
      Deno.writeTextFileSync(join(path, "manifest.json"), lines.join("\n").replace(/,\n\]/, "\n]"));
      assertEquals(readManifests(path)[0].parts, parts);
    };
    states[`${finished} listed, all renamed, all rejected images listed`] = begin;
    states[`${finished} listed, the next one partial`] = (path) => {
      begin(path);
      for (let part = finished; part < 5; part++) Deno.removeSync(join(path, `part-0000${part}.parquet`));
      Deno.writeTextFileSync(join(path, `part-0000${finished}.parquet.partial`), "PAR1");
      const lines = rejected.trimEnd().split("\n").filter((line) => JSON.parse(line).index < finished * 4);
      if (lines.length > 0) Deno.writeTextFileSync(join(path, "rejected.jsonl"), lines.join("\n") + "\n");
      else Deno.removeSync(join(path, "rejected.jsonl"));
      Deno.writeTextFileSync(join(path, "rejected.jsonl.partial"), rejected.slice(0, 9));
      Deno.writeTextFileSync(join(path, "manifest.json.partial"), "{");
      Deno.writeTextFileSync(join(path, ".manifest.lock"), "");
    };
  }
  for (const [name, make] of Object.entries(states)) {
    const path = Deno.makeTempDirSync();
    make(path);
    writeFolder(path, 18);
    assertEquals(contents(path), expected, name);
  }
});

Deno.test("openLabelMapFolder() keeps finished parts as they are", () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, 18);
  const before = Deno.statSync(join(path, "part-00002.parquet"));
  writeFolder(path, 18);
  const after = Deno.statSync(join(path, "part-00002.parquet"));
  assertEquals([after.ino, after.mtime], [before.ino, before.mtime]);
});

Deno.test("openLabelMapFolder() writes Arrow parts, keeps them, and removes what a kill left of others", () => {
  const path = Deno.makeTempDirSync();
  const configuration = smallConfiguration({ container: "arrow" });
  const first = openLabelMapFolder(path, configuration);
  const part = first.startPart(0);
  part.append(smallRow(0, configuration.metadata));
  assertEquals(part.finish().file, "part-00000.arrow");
  first.close();
  const whole = contents(path);
  for (const name of ["part-00001.arrow", "part-00001.arrow.partial", "part-00000.parquet"]) {
    Deno.writeTextFileSync(join(path, name), "ARROW1");
  }
  const second = openLabelMapFolder(path, configuration);
  assertEquals([...second.finishedParts], [0]);
  second.close();
  assertEquals(contents(path), whole);
  assertEquals(
    [refusal(path, smallConfiguration()), refusal(path, { ...configuration, container: "csv" as "arrow" })],
    [
      'TypeError: Cannot resume label maps in "labels": repeat their options or choose another folder, since ' +
      'container was "arrow", is absent',
      'RangeError: Cannot write label maps to "labels": container is "csv", expected parquet or arrow',
    ],
  );
});

Deno.test("openLabelMapFolder() refuses another configuration, and names what differs", () => {
  const path = Deno.makeTempDirSync();
  const names = { dataSetClasses: { name: ["one", "two"] } };
  openLabelMapFolder(path, smallConfiguration(), names).close();
  const before = contents(path);
  const start = 'TypeError: Cannot resume label maps in "labels": repeat their options or choose another folder, since';
  assertEquals(
    [
      refusal(path, smallConfiguration({ metadata: smallMetadata({ k: 5, dtype: "fp16" }) }), names),
      refusal(path, smallConfiguration({ rowsPerFile: 8, size: [64, 64] }), names),
      refusal(path, smallConfiguration(), { dataSetClasses: { name: ["one", "three"] } }),
      refusal(path, smallConfiguration()),
    ],
    [
      `${start} metadata.k was 3, is 5; metadata.dtype was "fp32", is "fp16"`,
      `${start} rowsPerFile was 4, is 8; size was absent, is [64,64]`,
      `${start} dataSetClasses.name was ["one","two"], is ["one","three"]`,
      `${start} dataSetClasses was {"name":["one","two"]}, is absent`,
    ],
  );
  assertEquals(contents(path), before);
});

Deno.test("openLabelMapFolder() refuses a folder that holds something else, and touches nothing in it", () => {
  for (const name of ["holiday.jpg", "part-00000.parquet", "rejected.jsonl"]) {
    const path = Deno.makeTempDirSync();
    Deno.writeTextFileSync(join(path, name), "mine");
    assertEquals(
      refusal(path, smallConfiguration()),
      `AlreadyExists: Cannot write label maps to "labels": it holds "${name}" and no manifest.json`,
    );
    assertEquals(Object.keys(contents(path)), [name]);
  }
});

Deno.test("openLabelMapFolder() refuses finished parts that are cut off or gone, and a damaged manifest", () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, 18);
  const [{ configuration, parts }] = readManifests(path);
  const part = join(path, "part-00001.parquet");
  Deno.truncateSync(part, 10);
  assertEquals(
    refusal(path, configuration),
    `TypeError: Cannot resume label maps in "labels": "part-00001.parquet" has 10 bytes, its manifest says ${
      parts[1].bytes
    }`,
  );
  Deno.removeSync(part);
  assert(
    refusal(path, configuration).startsWith(
      'NotFound: Cannot resume label maps in "labels": "part-00001.parquet" is listed as finished: no such file',
    ),
  );
  Deno.writeTextFileSync(join(path, "manifest.json"), '{"version": 1');
  assert(refusal(path, configuration).startsWith('TypeError: Cannot read manifest "labels/manifest.json": '));
  Deno.writeTextFileSync(join(path, "manifest.json"), '{"version": 3}');
  assertEquals(
    refusal(path, configuration),
    'RangeError: Cannot read manifest "labels/manifest.json": version is 3, expected 1',
  );
});

Deno.test("openLabelMapFolder() refuses a second process at the same time, and lets it in afterwards", async () => {
  const path = Deno.makeTempDirSync();
  const metadata = smallMetadata({ grid: [16, 16] });
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata, images: 18 }));
  const { code, stderr } = await program(path, 18).output();
  assertEquals(
    new TextDecoder().decode(stderr).trim(),
    `Cannot write label maps to "${path}": another process is writing there`,
  );
  assertEquals(code, 1);
  folder.close();
  assertEquals((await program(path, 18).output()).code, 0);
});

Deno.test("close() discards parts that are not finished", () => {
  const path = Deno.makeTempDirSync();
  const folder = openLabelMapFolder(path, smallConfiguration());
  folder.startPart(0).append(smallRow(0, smallMetadata()));
  folder.close();
  assertEquals(Object.keys(contents(path)), ["manifest.json"]);
});

Deno.test("startPart() refuses a part that is finished, open, another shard's or not a number; reject() another part's image", () => {
  const path = Deno.makeTempDirSync();
  const folder = openLabelMapFolder(path, smallConfiguration(), { shard: { index: 1, count: 3 } });
  const part = folder.startPart(2);
  assertThrows(() => part.reject({ index: 12, key: "a", reason: "b" }), RangeError, "image 12 belongs to part 3");
  assertThrows(() => folder.startPart(2), RangeError, `Cannot write part 2 of "${path}": it is being written`);
  part.finish();
  assertThrows(() => folder.startPart(2), RangeError, `Cannot write part 2 of "${path}": it is finished`);
  for (const other of [0, 3]) {
    assertThrows(
      () => folder.startPart(other),
      RangeError,
      `Cannot write part ${other} of "${path}": shard 1/3 has parts 1 to before 3`,
    );
  }
  assertThrows(() => folder.startPart(1.5), RangeError, `Cannot write part 1.5 of "${path}": not a part number`);
  folder.close();
});

Deno.test("shardParts() gives each part to one shard, in order, and shards differ by one part at most", () => {
  assertEquals(shardParts(undefined, 7), { start: 0, end: 7 });
  assertEquals([0, 1, 2].map((index) => shardParts({ index, count: 3 }, 7)), [
    { start: 0, end: 2 },
    { start: 2, end: 4 },
    { start: 4, end: 7 },
  ]);
  for (const [count, parts] of [[1, 0], [1, 5], [3, 2], [16, 16], [7, 100], [1024, 14_197], [1000, 999]]) {
    const shards = Array.from({ length: count }, (_, index) => shardParts({ index, count }, parts));
    const sizes = shards.map(({ start, end }) => end - start);
    assertEquals(shards.map(({ start }) => start), [0, ...shards.slice(0, -1).map(({ end }) => end)]);
    assertEquals(shards.at(-1)!.end, parts);
    assert(Math.max(...sizes) - Math.min(...sizes) <= 1 && Math.min(...sizes) >= 0, `${parts} parts, ${count} shards`);
  }
});

Deno.test("shards write the parts that one process writes, at the same time in one folder", async () => {
  const whole = Deno.makeTempDirSync();
  writeFolder(whole, 36);
  const path = Deno.makeTempDirSync();
  const waiting = openLabelMapFolder(
    path,
    smallConfiguration({ metadata: smallMetadata({ grid: [16, 16] }), images: 36 }),
    { shard: { index: 1, count: 2 } },
  );
  writeFolder(path, 36, { index: 0, count: 2 });
  waiting.close();
  writeFolder(path, 36, { index: 1, count: 2 });
  const [one, sharded] = [contents(whole), contents(path)];
  const parts = (files: Record<string, string>) => Object.entries(files).filter(([name]) => name.startsWith("part-"));
  assertEquals(parts(sharded), parts(one));
  assertEquals(Object.keys(sharded).filter((name) => !name.startsWith("part-")), [
    "manifest-00000-of-00002.json",
    "manifest-00001-of-00002.json",
    "rejected-00000-of-00002.jsonl",
    "rejected-00001-of-00002.jsonl",
  ]);
  const labelMaps = await openLabelMaps(path);
  assertEquals(
    (await Array.fromAsync(labelMaps.rows())).map(({ key }) => key).slice(0, 4),
    [0, 1, 2, 4].map((i) => `kind/${i}.jpg`),
  );
  labelMaps.close();
});

Deno.test("openLabelMapFolder() refuses shards that do not fit together", () => {
  const path = Deno.makeTempDirSync();
  openLabelMapFolder(path, smallConfiguration(), { shard: { index: 0, count: 2 } }).close();
  const start = 'Cannot write label maps to "labels": manifest-00000-of-00002.json is of 2 shards, this run is of';
  assertEquals(refusal(path, smallConfiguration()), `TypeError: ${start} one process`);
  assertEquals(refusal(path, smallConfiguration(), { shard: { index: 1, count: 3 } }), `TypeError: ${start} 3 shards`);
  assertEquals(
    refusal(path, smallConfiguration({ images: 5 }), { shard: { index: 1, count: 2 } }),
    'TypeError: Cannot resume label maps in "labels": repeat their options or choose another folder, since source.images was 18, is 5',
  );
  assertEquals(
    refusal(path, smallConfiguration(), { shard: { index: 2, count: 2 } }),
    'RangeError: Cannot write label maps to "labels": shard is 2/2, expected 0/n to n-1/n',
  );
  Deno.writeTextFileSync(join(path, "manifest-00001-of-00003.json"), "not looked into, since its name says enough");
  assertEquals(
    refusal(path, smallConfiguration(), { shard: { index: 0, count: 2 } }),
    'TypeError: Cannot write label maps to "labels": manifest-00001-of-00003.json is of 3 shards, this run is of 2 shards',
  );
  Deno.removeSync(join(path, "manifest-00001-of-00003.json"));
  assertEquals(
    refusal(path, smallConfiguration({ source: "photos" }), { shard: { index: 1, count: 2 } }),
    'RangeError: Cannot write label maps to "labels": the configuration has no source.images, which shards need',
  );
});

Deno.test("a shard is compared with one that has begun, and reads no other's manifest; going on it reads its own", () => {
  const path = Deno.makeTempDirSync();
  const open = (index: number) => openLabelMapFolder(path, smallConfiguration(), { shard: { index, count: 4 } });
  for (const index of [0, 1, 2]) open(index).close();
  for (const index of [1, 2]) Deno.writeTextFileSync(join(path, `manifest-0000${index}-of-00004.json`), "damaged");
  open(3).close();
  Deno.writeTextFileSync(join(path, "manifest-00000-of-00004.json"), "damaged");
  open(3).close();
  assertThrows(() => open(0), TypeError, 'manifest-00000-of-00004.json": it is not JSON');
  Deno.removeSync(join(path, "manifest-00003-of-00004.json"));
  assertThrows(() => open(3), TypeError, 'manifest-00000-of-00004.json": it is not JSON');
});

Deno.test("two processes of one shard: the second is refused, and those of other shards are not", () => {
  const path = Deno.makeTempDirSync();
  const first = openLabelMapFolder(path, smallConfiguration(), { shard: { index: 0, count: 2 } });
  assertEquals(
    refusal(path, smallConfiguration(), { shard: { index: 0, count: 2 } }),
    'Busy: Cannot write label maps to "labels": another process is writing there',
  );
  openLabelMapFolder(path, smallConfiguration(), { shard: { index: 1, count: 2 } }).close();
  first.close();
});

Deno.test("readManifests() keeps the names of classes once that all shards have", () => {
  const path = Deno.makeTempDirSync();
  const names = { classes: { name: [..."abcdefghijkl"] } };
  for (const index of [0, 1, 2]) {
    openLabelMapFolder(path, smallConfiguration(), { ...names, shard: { index, count: 3 } }).close();
  }
  const file = join(path, "manifest-00002-of-00003.json");
  Deno.writeTextFileSync(file, Deno.readTextFileSync(file).replace('"name":["a"', '"name":["x"'));
  const [first, second, third] = readManifests(path);
  assertEquals([first.classes, third.classes!.name[0]], [names.classes, "x"]);
  assertStrictEquals(second.classes, first.classes);
});

Deno.test("a folder in which only the cluster's scripts are can be begun, by one process or by shards", () => {
  for (const shard of [undefined, { index: 1, count: 2 }]) {
    const path = Deno.makeTempDirSync();
    Deno.mkdirSync(join(path, "cluster"));
    openLabelMapFolder(path, smallConfiguration(), { shard }).close();
  }
});

Deno.test("readManifests() reads the whole folder's manifest alone, where what shards left is still there", () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, 18);
  const [whole] = readManifests(path);
  const shards = Deno.makeTempDirSync();
  for (const index of [0, 1]) writeFolder(shards, 18, { index, count: 2 });
  assertEquals(readManifests(shards).flatMap(({ parts }) => parts), whole.parts);
  Deno.copyFileSync(join(shards, "manifest-00001-of-00002.json"), join(path, "manifest-00001-of-00002.json"));
  assertEquals(readManifests(path), [whole]);
});

Deno.test({
  name: "a full disk ends the run with one sentence that names the file, and earlier parts stay whole",
  ignore: Deno.build.os === "windows",
  async fn() {
    const path = Deno.makeTempDirSync();
    const metadata = smallMetadata({ grid: [16, 16] });
    const configuration = smallConfiguration({ metadata, images: 400 });
    const folder = openLabelMapFolder(path, configuration);
    for (let part = 0; part < 99; part++) {
      const writer = folder.startPart(part);
      for (let index = part * 4; index < part * 4 + 4; index++) writer.append(smallRow(index, metadata));
      writer.finish();
    }
    folder.close();
    const before = contents(path);
    // Files may grow to 8 KiB (16 blocks of 512 bytes): the last part stands for one that meets a full disk.
    const limited = `trap '' XFSZ; ulimit -f 16; exec "$0" run --no-code-cache --config "$1" -R -W "$2" "$3" 400`;
    const args = ["-c", limited, Deno.execPath(), CONFIG, PROGRAM, path];
    const command = new Deno.Command("sh", { args, stdout: "null", stderr: "piped" });
    const { code, stderr } = await command.output();
    assertEquals(
      new TextDecoder().decode(stderr).trim(),
      `Cannot write label map "${join(path, "part-00099.parquet")}": file too large`,
    );
    assertEquals(code, 1);
    assertEquals(contents(path), before);
  },
});
