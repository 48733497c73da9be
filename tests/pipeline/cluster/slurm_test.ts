import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { photographCopies } from "../../../bench/photograph_copies.ts";
import { readFolderState, type ShardState } from "../../../pipeline/cluster/shard_states.ts";
import { slurmTest, startSlurm } from "../../slurm.ts";
import { runTask } from "../task.ts";
import { fileHashes, runCluster, runKilledArray } from "./killed_array.ts";

const SHARDS = 16;

/** Each image is a step and a part file, so that a kill finds shards with some of theirs. */
const OPTIONS = ["--size", "128", "--rows-per-file", "1", "--batch", "1", "--workers", "1"];

slurmTest("an array on four nodes, two of which die, ends as what one process writes", async () => {
  await using cluster = await startSlurm(4);
  const images = photographCopies(96);
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
  assertMatch(log("join.log"), /: 96 rows in 96 part files and manifest.json; joined 16 shards\n$/);
  assertMatch((await runCluster(cluster, "status", out)).out, /: one data set\n +images +96 of 96 images/);
  const again = await runCluster(cluster, "slurm", images, "--out", out, "--shards", "16", "--submit", ...OPTIONS);
  assertEquals(again.code, 1);
  assert(again.error.endsWith("it is one data set already, choose another --out\n"), again.error);
  for (const path of [images, root]) Deno.removeSync(path, { recursive: true });
});

slurmTest(
  "jobs in the queue keep others out, a task whose time is up goes on later, and what failed is submitted again",
  async () => {
    await using cluster = await startSlurm(2);
    const images = photographCopies(96);
    const out = join(Deno.makeTempDirSync(), "labels");
    const args = [images, "--out", out, "--shards", "2", "--submit", "--quiet", ...OPTIONS];
    const submit = async () => {
      const { code, out, error } = await runCluster(cluster, "slurm", ...args);
      assertEquals([code, error], [0, ""]);
      return /Submitted job (\d+)/.exec(out)![1];
    };
    const array = await submit();
    const second = await runCluster(cluster, "slurm", ...args);
    assertEquals([second.code, second.out], [75, ""]);
    assertEquals(
      second.error,
      `Cannot prepare "${out}": job ${array} and job ${
        Number(array) + 1
      }, submitted for it before, are still in Slurm's ` +
        `queue; wait, or end them with scancel ${array} ${Number(array) + 1}\n`,
    );

    // What Slurm sends before the time limit, and then what a user does who has seen enough of the other shard.
    await untilState(out, (shards) => shards.every(({ state, parts }) => state === "running" && parts.done > 0));
    await cluster.run("scancel", "--batch", "--signal=USR1", `${array}_0`);
    await cluster.run("scancel", `${array}_1`);
    while (await cluster.run("squeue", "--noheader") !== "") await new Promise((resolve) => setTimeout(resolve, 200));
    const [first, cancelled] = readFolderState(out).shards;
    assertEquals([first.state, cancelled.state], ["whole", "stopped"]);
    const log = Deno.readTextFileSync(join(out, "cluster/logs/shard-0.log"));
    assertMatch(log, /\nThe time limit is near: whole part files are kept, the task is queued again\n/);
    assertMatch(log, /, start 2, on n\d, /);
    const join_ = await runCluster(cluster, "join", out);
    assertEquals([join_.code, join_.out], [1, ""]);
    assertMatch(join_.error, /: 1 of 2 shards is not whole: shard 1 has \d+ of 48 parts\n$/);

    const last = await submit();
    assertEquals(
      (await cluster.run("squeue", "--noheader", "--array", `--jobs=${last}`, "--format=%K")).trim(),
      "1",
      "only the shard that is not whole",
    );
    while (await cluster.run("squeue", "--noheader") !== "") await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(readFolderState(out).joined?.images, { done: 96, total: 96 });
    for (const path of [images, join(out, "..")]) Deno.removeSync(path, { recursive: true });
  },
);

async function untilState(out: string, isSo: (shards: readonly ShardState[]) => boolean): Promise<void> {
  for (let turn = 0; !isSo(readFolderState(out).shards); turn++) {
    if (turn > 1200) throw new Error("The shards did not come to it within a minute");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
