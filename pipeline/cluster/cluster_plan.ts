/**
 * How a data set is shared between the tasks of a job array, and what is kept of it in `OUT/cluster/plan.json`.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { join } from "@std/path";
import { readIfThere, replaceFile, withSubject } from "../../formats/base/files.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";

/** What a folder of label maps is to become, and who was asked for it. */
export interface Plan {
  readonly images: number;
  readonly shards: number;
  readonly rowsPerFile: number;
  /** What Slurm calls the job. */
  readonly name: string;
  /** Numbers of the jobs that were submitted last. */
  readonly jobs?: Jobs;
}

/** Jobs that Slurm was given. */
export interface Jobs {
  /** Undefined where no shard was left to write. */
  readonly array?: string;
  /** Undefined if it was refused. */
  readonly join?: string;
}

/**
 * Images per part file, so that shards are equal and part files no larger than usual: with m part files per shard, the fewest
 * that keep them at 1,000 images, ceil(images / (shards m)).
 *
 * @param images How many there are.
 * @param shards How many share them.
 * @returns A positive integer.
 */
export function balancedRows(images: number, shards: number): number {
  const partsOfShard = Math.ceil(images / (shards * DEFAULT_ROWS_PER_FILE));
  return Math.ceil(images / (shards * partsOfShard));
}

/**
 * Reads a folder's plan.
 *
 * @param out The folder of label maps.
 * @returns The plan, undefined if there is none.
 * @throws {TypeError} If it cannot be understood.
 */
export function readPlan(out: string): Plan | undefined {
  const path = planPath(out);
  const text = withSubject(`Cannot read plan "${path}"`, () => readIfThere(path));
  if (text === undefined) return undefined;
  try {
    const plan: Plan = JSON.parse(text);
    const counts = [plan.images, plan.shards, plan.rowsPerFile];
    if (counts.every((count) => Number.isSafeInteger(count) && count > 0)) return plan;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new TypeError(`Cannot read plan "${path}": it is not what ${calledAs("cluster slurm")} writes`);
}

/** Writes a folder's plan; `OUT/cluster` must be there. */
export function writePlan(out: string, plan: Plan): void {
  replaceFile(planPath(out), JSON.stringify(plan, null, 2) + "\n");
}

/** The folder of scripts, logs and plan. */
export function clusterFolder(out: string): string {
  return join(out, "cluster");
}

function planPath(out: string): string {
  return join(clusterFolder(out), "plan.json");
}
