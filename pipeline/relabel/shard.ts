/**
 * Which shard of a folder this process writes: as an option says, or as the array of jobs does that it is a task of.
 *
 * | environment | shard |
 * | --- | --- |
 * | Slurm's job arrays: `SLURM_ARRAY_TASK_ID`, `_COUNT`, `_MIN`, `_STEP` | (ID - MIN) / STEP of COUNT |
 * | Kubernetes' indexed jobs: `JOB_COMPLETION_INDEX` | that, of as many as `--shard auto/N` says |
 *
 * With `--shard auto/N` the number is taken as it is, of N, under Slurm too: an array of some tasks of an earlier one, which
 * COUNT does not know of, then writes their shards.
 *
 * Sources: sbatch(1), "Job arrays"; Kubernetes, "Indexed Job for parallel processing".
 *
 * @module
 */

import type { Shard } from "../../formats/labels/mod.ts";
import { UsageError } from "../command/command_line.ts";

/** What `--shard` asks for: one, all parts, what the environment says, or its number of so many. */
export type ShardRequest = Shard | "none" | "auto" | { readonly autoOf: number };

/** The shard to write. */
export interface ChosenShard {
  /** Absent for all parts. */
  readonly shard?: Shard;
  /** The variable that says so, with its value; absent where an option does. */
  readonly from?: string;
}

/** The value of an environment variable, undefined if it is not set. */
type Environment = (name: string) => string | undefined;

/**
 * Reads the option.
 *
 * @param text The option's value.
 * @returns What is asked for.
 * @throws {UsageError} If it is something else.
 */
export function readShard(text: string): ShardRequest {
  if (text === "none" || text === "auto") return text;
  const [, first, second] = /^(auto|\d+)\/(\d+)$/.exec(text) ?? [];
  const count = Number(second);
  if (first === "auto" && count > 0) return { autoOf: count };
  const index = Number(first);
  if (index < count) return { index, count };
  throw new UsageError(`Cannot use --shard ${text}: expected i/n with i from 0 to n - 1, auto, auto/N or none`);
}

/**
 * Chooses the shard.
 *
 * @param request What `--shard` asks for, undefined where it was not given.
 * @param variable The environment.
 * @returns The shard, and where it is from.
 * @throws {UsageError} If the environment is to say it and does not, or says what cannot be.
 */
export function chooseShard(request: ShardRequest | undefined, variable: Environment): ChosenShard {
  if (request === "none") return {};
  if (typeof request === "object" && "index" in request) return { shard: request };
  const name = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"].find((name) => variable(name));
  if (name === undefined) {
    if (request === undefined) return {};
    throw new UsageError(
      "Cannot tell the shard: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set, so give --shard i/n",
    );
  }
  const number = readNumber(variable, name, 0);
  const from = `${name} is ${number}`;
  if (request !== undefined && request !== "auto") return { shard: checked(number, request.autoOf, from), from };
  if (name === "JOB_COMPLETION_INDEX") {
    throw new UsageError(
      `Cannot tell the shard: ${from}, but Kubernetes does not say of how many: give --shard auto/N, ` +
        "or --shard none for all parts",
    );
  }
  const [min, step] = [
    readNumber(variable, "SLURM_ARRAY_TASK_MIN", 0),
    readNumber(variable, "SLURM_ARRAY_TASK_STEP", 1),
  ];
  const count = readNumber(variable, "SLURM_ARRAY_TASK_COUNT", 1);
  const place = `the place of ${number} in an array of ${count} from ${min} in steps of ${step} is ${
    (number - min) / step
  }`;
  return { shard: checked((number - min) / step, count, place), from };
}

function readNumber(variable: Environment, name: string, least: number): number {
  const text = variable(name);
  const number = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && number >= least) return number;
  const found = text === undefined ? "not set" : JSON.stringify(text);
  throw new UsageError(`Cannot tell the shard: ${name} is ${found}, so give --shard i/n or --shard none`);
}

function checked(index: number, count: number, from: string): Shard {
  if (Number.isInteger(index) && index >= 0 && index < count) return { index, count };
  throw new UsageError(`Cannot tell the shard: ${from}, which is none of 0 to ${count - 1}`);
}
