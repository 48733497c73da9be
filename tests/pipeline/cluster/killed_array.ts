/**
 * A job array on a Slurm of our own, some of whose nodes die while they write.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { readFolderState } from "../../../pipeline/cluster/shard_states.ts";
import type { SlurmCluster } from "../../slurm.ts";
import { taskCommand, type TaskOutput } from "../task.ts";

/** What is to be done. */
export interface KilledArray {
  readonly cluster: SlurmCluster;
  readonly images: string;
  readonly out: string;
  readonly shards: number;
  /** Options of relabel and of `cluster slurm`. */
  readonly options: readonly string[];
  /** How many nodes die while a shard is written on them. All but the last are started again. */
  readonly kills: number;
  /** Told what happens. */
  readonly onEvent?: (what: string) => void;
}

/** A shard whose node died. */
export interface Kill {
  readonly node: string;
  readonly shard: number;
  /** Part files of it that were whole. */
  readonly parts: number;
}

/** Milliseconds between looks at the folder. */
const INTERVAL = 50;

/** Runs `deno task cluster` on a cluster. */
export async function runCluster({ env }: SlurmCluster, ...args: string[]): Promise<TaskOutput> {
  const { code, stdout, stderr } = await taskCommand("cluster", args, env).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Names and SHA-256 of all files directly in a folder. */
export function fileHashes(path: string): Record<string, string> {
  const names = [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => {
    return [name, createHash("sha256").update(Deno.readFileSync(join(path, name))).digest("hex")];
  }));
}

/**
 * Submits an array and its join, kills nodes, and waits until both jobs have ended.
 *
 * @param array What is to be done.
 * @returns The kills that hit a shard which was being written.
 */
export async function runKilledArray(array: KilledArray): Promise<Kill[]> {
  const { cluster, images, out, shards, options, kills, onEvent } = array;
  const args = [images, "--out", out, "--shards", String(shards), "--submit", ...options];
  const submitted = await runCluster(cluster, "slurm", ...args);
  assertEquals([submitted.code, submitted.error], [0, ""]);
  onEvent?.(submitted.out.trim());
  const hits: Kill[] = [];
  while (hits.length < kills) {
    const kill = await killOne(array, hits);
    if (!kill) throw new Error(`Only ${hits.length} of ${kills} nodes were killed before all shards were whole`);
    onEvent?.(`killed ${kill.node}, which wrote shard ${kill.shard}, part files whole: ${kill.parts}`);
    hits.push(kill);
    if (hits.length < kills) cluster.start(kill.node);
  }
  while (await cluster.run("squeue", "--noheader") !== "") await pause(500);
  return hits;
}

/** Kills the node of a shard that is being written, and says which it was; undefined if all shards are whole. */
async function killOne({ cluster, out }: KilledArray, before: readonly Kill[]): Promise<Kill | undefined> {
  while (true) {
    const states = readFolderState(out).shards;
    if (states.length === 0 || states.every(({ state }) => state === "whole")) return undefined;
    const known = before.map(({ shard }) => shard);
    const begun = states.find(({ index, state, parts }) =>
      state === "running" && parts.done > 0 && !known.includes(index)
    );
    const node = begun && await nodeOf(cluster, begun.index);
    if (!begun || node === undefined) {
      await pause(INTERVAL);
      continue;
    }
    await cluster.kill(node);
    const { state, parts } = readFolderState(out).shards[begun.index];
    if (state !== "whole") {
      assertEquals(state, "stopped");
      return { node, shard: begun.index, parts: parts.done };
    }
    cluster.start(node);
  }
}

async function nodeOf(cluster: SlurmCluster, shard: number): Promise<string | undefined> {
  const running = await cluster.run("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%K %N");
  return running.split("\n").map((line) => line.trim().split(" ")).find(([task]) => task === String(shard))?.[1];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
