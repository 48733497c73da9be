import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { photographCopies } from "../../../bench/photograph_copies.ts";
import { slurmTest, startSlurm } from "../../slurm.ts";
import { runTask } from "../task.ts";
import { fileHashes, runCluster, runKilledArray } from "./killed_array.ts";

const SHARDS = 16;

/** A part file takes its process about a second, so that a kill finds shards with some of theirs. */
const OPTIONS = ["--size", "128", "--rows-per-file", "3", "--workers", "1"];

slurmTest("an array on four nodes, two of which die, ends as what one process writes", async () => {
  await using cluster = await startSlurm(4);
  const images = photographCopies(144);
  const root = Deno.makeTempDirSync();
  const [whole, out] = [join(root, "whole"), join(root, `on "Slurm", it's 100% here`)];
  const one = await runTask("relabel", images, "--out", whole, "--quiet", ...OPTIONS);
  assertEquals(one.code, 0, one.error);
  const hits = await runKilledArray({ cluster, images, out, shards: SHARDS, options: OPTIONS, kills: 2 });
  const logs = join(out, "cluster/logs");
  const log = (name: string) => Deno.readTextFileSync(join(logs, name));
  assertEquals(fileHashes(out), fileHashes(whole), log("join.log"));
  assertEquals([...Deno.readDirSync(logs)].length, SHARDS + 1);
  for (const { shard } of hits) {
    const text = log(`shard-${shard}.log`);
    assertMatch(text, new RegExp(`^Shard ${shard} of 16: task \\d+_${shard}, start 1, on n\\d, .*`));
    assertMatch(text, new RegExp(`\nShard ${shard} of 16: task \\d+_${shard}, start 2, on n\\d, .*`));
    assertMatch(text, /exit code 0, [^\n]*\n$/);
  }
  assertMatch(log("join.log"), /: 144 rows in 48 part files and manifest.json; joined 16 shards\n$/);
  assertMatch((await runCluster(cluster, "status", out)).out, /: one data set\n +images +144 of 144 images/);
  const again = await runCluster(cluster, "slurm", images, "--out", out, "--shards", "16", "--submit", ...OPTIONS);
  assertEquals(again.code, 1);
  assert(again.error.endsWith("it is one data set already, choose another --out\n"), again.error);
  for (const path of [images, root]) Deno.removeSync(path, { recursive: true });
});
