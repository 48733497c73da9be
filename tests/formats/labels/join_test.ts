import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { joinShards } from "../../../formats/labels/join.ts";
import { takeLock } from "../../../formats/base/lock.ts";
import { writeFolder } from "./write_folder.ts";

const IMAGES = 50;
const SHARDS = 5;

/** Names and SHA-256 of a folder's files. */
function contents(path: string): Record<string, string> {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => {
    return [name, createHash("sha256").update(Deno.readFileSync(join(path, name))).digest("hex")];
  }));
}

/** A folder as one process writes it, and one as shards do. */
function bothFolders() {
  const [whole, shared] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  writeFolder(whole, IMAGES);
  for (let index = 0; index < SHARDS; index++) writeFolder(shared, IMAGES, { index, count: SHARDS });
  return { whole, expected: contents(whole), shared };
}

/** A copy of a folder, so that something can be done to it. */
function copyOf(path: string): string {
  const copy = Deno.makeTempDirSync();
  for (const { name } of Deno.readDirSync(path)) Deno.copyFileSync(join(path, name), join(copy, name));
  return copy;
}

/** The message that joining ends in. */
async function refusal(path: string, hashes = false): Promise<string> {
  const error = await assertRejects(() => joinShards(path, { hashes }), Error);
  return `${error.name}: ${error.message.replaceAll(path, "labels")}`;
}

Deno.test("joinShards() leaves what one process writes, byte for byte", async () => {
  const { expected, shared } = bothFolders();
  const parts: number[] = [];
  const { manifest, shards } = await joinShards(shared, { hashes: true, onPart: (done) => parts.push(done) });
  assertEquals([shards, manifest.shard, parts.length, parts.at(-1)], [SHARDS, undefined, 14, 13]);
  assertEquals(contents(shared), expected);
  assertEquals((await joinShards(shared)).shards, 0);
  assertEquals(contents(shared), expected);
});

Deno.test("joinShards() joins shards that have no part, and no rejected images", async () => {
  const [whole, shared] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  writeFolder(whole, 3);
  for (let index = 0; index < 4; index++) writeFolder(shared, 3, { index, count: 4 });
  await joinShards(shared);
  assertEquals(Object.keys(contents(shared)), ["manifest.json", "part-00000.parquet"]);
  assertEquals(contents(shared), contents(whole));
});

Deno.test("joinShards() finishes a join that was killed, wherever it was", async () => {
  const { whole, expected, shared } = bothFolders();
  const before = Object.keys(contents(shared)).filter((name) => /-of-/.test(name));
  assert(before.length > 2 * SHARDS - 2, before.join());
  const joinedFiles = (path: string, ...names: string[]) => {
    for (const name of names) Deno.copyFileSync(join(whole, name), join(path, name));
  };
  const states: Record<string, (path: string) => void> = {
    "half a list of rejected images": (path) => Deno.writeTextFileSync(join(path, "rejected.jsonl.partial"), '{"ind'),
    "a list of rejected images": (path) => joinedFiles(path, "rejected.jsonl"),
    "half a manifest": (path) => {
      joinedFiles(path, "rejected.jsonl");
      Deno.writeTextFileSync(join(path, "manifest.json.partial"), '{"ver');
    },
    "a manifest": (path) => joinedFiles(path, "rejected.jsonl", "manifest.json"),
    "a manifest and locks": (path) => {
      joinedFiles(path, "rejected.jsonl", "manifest.json");
      Deno.writeTextFileSync(join(path, ".manifest.lock"), "");
      Deno.writeTextFileSync(join(path, ".manifest-00003-of-00005.lock"), "");
    },
  };
  for (const [state, make] of Object.entries(states)) {
    const path = copyOf(shared);
    make(path);
    await joinShards(path);
    assertEquals(contents(path), expected, state);
  }
  const removed = before.sort((a, b) => a.slice(9, 15).localeCompare(b.slice(9, 15)) || b.localeCompare(a));
  assertEquals(removed.slice(0, 2), ["rejected-00000-of-00005.jsonl", "manifest-00000-of-00005.json"]);
  for (let gone = 0; gone <= removed.length; gone++) {
    const path = copyOf(shared);
    joinedFiles(path, "rejected.jsonl", "manifest.json");
    for (const name of removed.slice(0, gone)) Deno.removeSync(join(path, name));
    await joinShards(path);
    assertEquals(contents(path), expected, `${gone} of the shards' files were gone`);
  }
});

Deno.test("joinShards() names the first shards that are not whole, and how many there are", async () => {
  const { shared } = bothFolders();
  const lacking = (...indices: number[]) => {
    const path = copyOf(shared);
    for (const index of indices) Deno.removeSync(join(path, `manifest-0000${index}-of-00005.json`));
    return path;
  };
  assertEquals(
    await refusal(lacking(3)),
    'TypeError: Cannot join label maps in "labels": 1 of 5 shards is not whole: shard 3 has not begun',
  );
  assertEquals(
    await refusal(lacking(0, 1, 3, 4)),
    'TypeError: Cannot join label maps in "labels": 4 of 5 shards are not whole: shard 0 has not begun, ' +
      "shard 1 has not begun, shard 3 has not begun, and 1 more",
  );
  const path = copyOf(shared);
  const manifest = join(path, "manifest-00001-of-00005.json");
  const text = Deno.readTextFileSync(manifest);
  Deno.writeTextFileSync(manifest, text.replace(/,\n\{"part":4.*/, ""));
  assertEquals(
    await refusal(path),
    'TypeError: Cannot join label maps in "labels": 1 of 5 shards is not whole: shard 1 has 2 of 3 parts',
  );
  assertEquals(Object.keys(contents(path)).includes("manifest.json"), false);
});

Deno.test("joinShards() refuses what is not as the manifests say", async () => {
  const { shared } = bothFolders();
  const changed: Record<string, (path: string) => void> = {
    'NotFound: Cannot join label maps in "labels": "part-00002.parquet" is listed as finished: no such file or directory':
      (path) => Deno.removeSync(join(path, "part-00002.parquet")),
    'TypeError: Cannot join label maps in "labels": "part-00003.parquet" has 7 bytes, its manifest says 16061': (
      path,
    ) => Deno.writeTextFileSync(join(path, "part-00003.parquet"), "not one"),
    'TypeError: Cannot join label maps in "labels": manifest-00002-of-00005.json is of another run: metadata.k was 3, is 2':
      (path) => replaceIn(join(path, "manifest-00002-of-00005.json"), '"k":3', '"k":2'),
    'TypeError: Cannot join label maps in "labels": it holds manifests of 5 and of 6 shards': (path) =>
      Deno.writeTextFileSync(join(path, "manifest-00005-of-00006.json"), ""),
    'NotFound: Cannot join label maps in "labels": it holds no manifest.json, and no manifest of a shard': (path) => {
      for (const { name } of Deno.readDirSync(path)) Deno.removeSync(join(path, name));
    },
    'NotFound: Cannot join label maps in "labels": no such file or directory': (path) =>
      Deno.removeSync(path, { recursive: true }),
  };
  for (const [message, change] of Object.entries(changed)) {
    const path = copyOf(shared);
    change(path);
    assertEquals(await refusal(path), message);
  }
});

Deno.test("joinShards() compares hashes if it is asked to", async () => {
  const { shared } = bothFolders();
  const path = join(shared, "part-00007.parquet");
  const bytes = Deno.readFileSync(path);
  bytes[100] ^= 1;
  Deno.writeFileSync(path, bytes);
  const message = await refusal(shared, true);
  assert(
    /^TypeError: .*: "part-00007.parquet" has SHA-256 [0-9a-f]{64}, its manifest says [0-9a-f]{64}$/.test(message),
  );
  assertEquals((await joinShards(shared)).shards, SHARDS);
});

Deno.test("joinShards() waits for nobody: a shard that is being written, or the folder, is refused", async () => {
  const { expected, shared } = bothFolders();
  for (const name of [".manifest-00002-of-00005.lock", ".manifest.lock"]) {
    const lock = takeLock(join(shared, name), "Cannot try");
    assertEquals(await refusal(shared), 'Busy: Cannot join label maps in "labels": another process is writing there');
    lock.release();
  }
  await joinShards(shared);
  assertEquals(contents(shared), expected);
});

function replaceIn(path: string, before: string, after: string): void {
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(before, after));
}
