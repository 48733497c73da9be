/**
 * Whether labels that a cluster makes while nodes die are those of one machine:
 * `deno task bench:cluster [--images N] [--shards N] [--nodes N] [--kills N] [--size N] [--rows-per-file N]`. Needs Debian's
 * `slurm-wlm` and `munge`.
 *
 * Photographs, repeated, are labelled by one process, and then by a Slurm job array on several nodes of this machine, of
 * which some are killed (SIGKILL, the daemon with all that its jobs run) while they write; all but the last are started
 * again. The join, which Slurm starts when the array has ended, must leave files with the same SHA-256.
 *
 * @module
 */

import { join } from "@std/path";
import { count } from "../pipeline/command/option_kinds.ts";
import { fileHashes, runCluster, runKilledArray } from "../tests/pipeline/cluster/killed_array.ts";
import { runTask } from "../tests/pipeline/task.ts";
import { startSlurm } from "../tests/slurm.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { photographCopies } from "./photograph_copies.ts";

const OPTIONS = {
  images: count({ default: 2000, help: "photographs" }),
  shards: count({ default: 16, help: "tasks of the array" }),
  nodes: count({ default: 4, help: "of one CPU each" }),
  kills: count({ least: 0, default: 2, help: "nodes that are killed" }),
  size: count({ default: 112, help: "pixels that images are resized to" }),
  rowsPerFile: count({ default: 25, help: "images a part file; default {default}: five part files a shard" }),
};

const { images, shards, nodes, kills, size, rowsPerFile: rows } = readBenchOptions("bench:cluster", OPTIONS);
const relabelOptions = ["--size", String(size), "--rows-per-file", String(rows)];
console.log(describeMachine());
console.log(`${images} photographs at ${size} x ${size}, ${shards} shards, ${nodes} nodes on this machine`);

const photographs = photographCopies(images);
const root = Deno.makeTempDirSync({ prefix: "cluster-" });
const [whole, shared] = ["whole", "shared"].map((name) => join(root, name));
let start = performance.now();
const one = await runTask("relabel", photographs, "--out", whole, "--quiet", ...relabelOptions);
if (one.code !== 0) throw new Error(`Cannot relabel: ${one.error}`);
console.log(`one process: ${seconds()} s`);

let same = false;
{
  await using cluster = await startSlurm(nodes);
  start = performance.now();
  await runKilledArray({
    ...{ cluster, images: photographs, out: shared, shards, kills },
    options: [...relabelOptions, "--workers", "1"],
    onEvent: (what) => console.log(what.replaceAll(/^/gm, `  ${seconds().padStart(4)} s  `)),
  });
  console.log(`array and join: ${seconds()} s`);
  console.log((await runCluster(cluster, "status", shared)).out.trimEnd());
  const [expected, found] = [fileHashes(whole), fileHashes(shared)];
  const different = [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((name) => {
    return expected[name] !== found[name];
  });
  same = different.length === 0;
  console.log(
    same ? `${Object.keys(expected).length} files, all with the same SHA-256` : `not the same: ${different.join(", ")}`,
  );
}
for (const path of [photographs, root]) Deno.removeSync(path, { recursive: true });
if (!same) Deno.exit(1);

function seconds(): string {
  return ((performance.now() - start) / 1000).toFixed(0);
}
