import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { takeLock } from "../../../formats/base/lock.ts";
import { openLabelMapFolder, readManifests } from "../../../formats/labels/mod.ts";
import { balancedRows, writePlan } from "../../../pipeline/cluster/cluster_plan.ts";
import { readFolderState, type ShardState } from "../../../pipeline/cluster/shard_states.ts";
import { describeFolderState, ranges, summariseFolder } from "../../../pipeline/cluster/status.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { writeFolder } from "../../formats/labels/write_folder.ts";
import { runTask } from "../task.ts";

const IMAGES = 50;
const COUNT = 5;

/** Shards 0 and 1 are whole; 2 has begun and is not whole; 3 and 4 are missing. Shards have 2, 3, 2, 3 and 3 parts. */
function folder(): string {
  const path = Deno.makeTempDirSync();
  for (const index of [0, 1]) writeFolder(path, IMAGES, { index, count: COUNT });
  writeFolder(path, IMAGES, { index: 2, count: COUNT });
  const manifest = join(path, "manifest-00002-of-00005.json");
  Deno.writeTextFileSync(manifest, Deno.readTextFileSync(manifest).replace(/,\n\{"part":6.*/, ""));
  return path;
}

function states(path: string): ShardState["state"][] {
  return readFolderState(path).shards.map(({ state }) => state);
}

/** Pretends that a part was finished so many seconds after another time. */
function finishedAt(path: string, part: number, time: number): void {
  Deno.utimeSync(join(path, `part-0000${part}.parquet`), time, time);
}

Deno.test("readFolderState() tells whole, stopped and missing shards apart, and those that are written now", () => {
  const path = folder();
  assertEquals(states(path), ["whole", "whole", "stopped", "missing", "missing"]);
  Deno.writeTextFileSync(join(path, ".manifest-00002-of-00005.lock"), "left by a process that was killed");
  assertEquals(states(path)[2], "stopped");
  const locks = [2, 3].map((index) => takeLock(join(path, `.manifest-0000${index}-of-00005.lock`), "Cannot test"));
  assertEquals(states(path), ["whole", "whole", "running", "running", "missing"]);
  locks.forEach((lock) => lock.release());
  const { images, shards } = readFolderState(path);
  assertEquals(images, IMAGES);
  assertEquals(shards.map(({ parts }) => [parts.done, parts.total]), [[2, 2], [3, 3], [1, 2], [0, 3], [0, 3]]);
  assertEquals(shards.map(({ images }) => [images.done, images.total]), [[8, 8], [12, 12], [4, 8], [0, 12], [0, 10]]);
  assertEquals(shards.map(({ rejected }) => rejected), [1, 2, 0, 0, 0]);
});

Deno.test("a running shard's rate is that of the part files which its process has finished", () => {
  const path = Deno.makeTempDirSync();
  const shard = { index: 0, count: 2 };
  const metadata = smallMetadata();
  const labels = openLabelMapFolder(path, smallConfiguration({ metadata, images: 64 }), { shard });
  const rate = () => readFolderState(path).shards[0].rate;
  const write = (part: number, time: number) => {
    const writer = labels.startPart(part);
    for (let index = part * 4; index < part * 4 + 4; index++) writer.append(smallRow(index, metadata));
    writer.finish();
    finishedAt(path, part, time);
  };
  const now = Date.now() / 1000;
  const lock = join(path, ".manifest-00000-of-00002.lock");
  Deno.utimeSync(lock, now, now);
  assertEquals(rate(), undefined);
  write(0, now - 500);
  assertEquals(rate(), undefined, "a part of an earlier process");
  write(1, now + 8);
  assertEquals(Math.round(rate()! * 100), 50);
  write(2, now + 10);
  assertEquals(Math.round(rate()! * 100), 80);
  for (const part of [3, 4, 5, 6]) write(part, now + 10 + (part - 2) * 4);
  assertEquals(Math.round(rate()! * 100), 100, "only the last four count");
  const summary = summariseFolder(readFolderState(path));
  assertEquals(summary.shards, { total: 2, whole: 0, running: 1, stopped: 0, missing: 1 });
  assertEquals([Math.round(summary.rate! * 100), Math.round(summary.secondsLeft!)], [100, 36]);
  write(7, now + 30);
  assertEquals([rate(), states(path)[0]], [undefined, "whole"]);
  labels.close();
});

Deno.test("shards without a finished part file count as fast as the others", () => {
  const shard = (index: number, rate?: number): ShardState => ({
    index,
    state: "running",
    parts: { done: 0, total: 4 },
    images: { done: 10, total: 40 },
    rejected: 0,
    rate,
  });
  const { rate, secondsLeft } = summariseFolder({
    images: 120,
    rowsPerFile: 10,
    shards: [shard(0, 2), shard(1, 4), shard(2)],
  });
  assertEquals([rate, secondsLeft], [9, 10]);
});

Deno.test("deno task cluster status says it in lines and as JSON", async () => {
  const path = folder();
  const { code, out } = await runTask("cluster", "status", path);
  assertEquals([code, out.trimEnd().split("\n")], [0, [
    `${path}: 5 shards: 2 whole, 1 stopped, 2 missing`,
    "  images   24 of 50 images in whole part files, 3 of them rejected",
    "  shard 2 stopped: 1 of 2 part files, 4 of 8 images",
    "  missing  3-4",
  ]]);
  const json = JSON.parse((await runTask("cluster", "status", path, "--format", "json")).out);
  assertEquals(json.images, { done: 24, total: 50 });
  assertEquals(json.shards, { total: 5, whole: 2, running: 0, stopped: 1, missing: 2 });
  assertEquals(json.shard.length, 5);
});

Deno.test("deno task cluster join says what it joined, and status what is left to do", async () => {
  const path = folder();
  const early = await runTask("cluster", "join", path);
  assertEquals([early.code, early.out], [1, ""]);
  assertEquals(
    early.error,
    `Cannot join label maps in "${path}": 3 of 5 shards are not whole: shard 2 has 1 of 2 parts, ` +
      "shard 3 has not begun, shard 4 has not begun\n",
  );
  for (const index of [2, 3, 4]) writeFolder(path, IMAGES, { index, count: COUNT });
  assertEquals(describeFolderState("my labels", readFolderState(path)), [
    "my labels: 5 shards: 5 whole",
    "  images   50 of 50 images in whole part files, 7 of them rejected",
    "",
    "Next: make one data set of the shards",
    "  deno task cluster join 'my labels'",
  ]);
  const joined = await runTask("cluster", "join", path, "--hashes");
  assertEquals(
    [joined.code, joined.out],
    [0, `${path}: 43 rows, 7 rejected in 13 part files and manifest.json; joined 5 shards\n`],
  );
  assertEquals((await runTask("cluster", "join", path, "--quiet")).out, "");
  assert((await runTask("cluster", "join", path)).out.endsWith("; it was one data set already\n"));
  assertEquals(describeFolderState("labels", readFolderState(path)), [
    "labels: one data set",
    "  images   50 of 50 images in whole part files, 7 of them rejected",
  ]);
  assertEquals(readManifests(path).length, 1);
});

Deno.test("before any shard has begun, a folder's plan says how many there are", () => {
  const path = Deno.makeTempDirSync();
  assertThrows(
    () => readFolderState(path),
    Deno.errors.NotFound,
    `Cannot tell the state of "${path}": no shard has begun, and there is no cluster/plan.json`,
  );
  Deno.mkdirSync(join(path, "cluster"));
  writePlan(path, { images: 50, shards: 5, rowsPerFile: 4, name: "relabel-it" });
  assertEquals(describeFolderState("labels", readFolderState(path)), [
    "labels: 5 shards: 5 missing",
    "  images   0 of 50 images in whole part files",
    "  missing  0-4",
  ]);
  Deno.writeTextFileSync(join(path, "cluster/plan.json"), '{"images": "50"}');
  assertThrows(
    () => readFolderState(path),
    TypeError,
    `Cannot read plan "${join(path, "cluster/plan.json")}": it is not what deno task cluster slurm writes`,
  );
});

Deno.test("a folder of one process that is not finished is told as such", () => {
  const path = Deno.makeTempDirSync();
  writeFolder(path, IMAGES);
  const manifest = join(path, "manifest.json");
  Deno.writeTextFileSync(manifest, Deno.readTextFileSync(manifest).replace(/,\n\{"part":12.*/, ""));
  assertEquals(describeFolderState("labels", readFolderState(path))[0], "labels: one data set, not whole");
});

Deno.test("balancedRows() makes shards equal, and part files of at most 1,000 images", () => {
  assertEquals(balancedRows(2000, 16), 125);
  assertEquals(balancedRows(16_000, 16), 1000);
  assertEquals(balancedRows(16_001, 16), 501);
  assertEquals(balancedRows(3, 2), 2);
  for (const [images, shards] of [[1_281_167, 64], [14_197_122, 1000], [50_000, 7]]) {
    const rows = balancedRows(images, shards);
    const parts = Math.ceil(images / rows);
    assert(rows <= 1000 && rows > 500, `${rows}`);
    assert(parts / shards > Math.ceil(parts / shards) - 1, `${parts} parts`);
  }
});

Deno.test("ranges() writes numbers as Slurm does", () => {
  assertEquals(ranges([0, 1, 2, 7, 9, 10]), "0-2,7,9-10");
  assertEquals(ranges([4]), "4");
  assertEquals(ranges([]), "");
});
