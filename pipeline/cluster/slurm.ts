/**
 * Slurm's commands.
 *
 * @module
 */

import type { Jobs, Plan } from "./cluster_plan.ts";

/**
 * Submits a script.
 *
 * @param script Path of the script.
 * @param options Options of `sbatch`, which stand before it.
 * @returns The job's number.
 * @throws {Deno.errors.NotFound} If Slurm is not installed here.
 * @throws {Error} If Slurm refuses it; its reason is in the message.
 */
export async function submit(script: string, options: readonly string[] = []): Promise<string> {
  const { code, out, error } = await call("sbatch", ["--parsable", ...options, script]);
  if (code !== 0) throw new Error(`Cannot submit "${script}": ${reasonOf(error)}`);
  return out.split(";")[0];
}

/**
 * Jobs of a plan that wait or run, by their names too: numbers begin again after a cluster was set up anew.
 *
 * @param plan What was submitted.
 * @returns The numbers of those that Slurm still has.
 * @throws {Deno.errors.NotFound} If Slurm is not installed here.
 * @throws {Error} If Slurm does not answer.
 */
export async function queuedJobs({ name, jobs = {} }: Plan): Promise<string[]> {
  const queued: string[] = [];
  for (const job of numbersOf(jobs)) {
    const { code, out, error } = await call("squeue", ["--noheader", `--jobs=${job}`, "--format=%j"]);
    // A job that ended is known for some minutes, and then no more.
    if (code !== 0 && !/invalid job id/i.test(error)) {
      throw new Error(`Cannot ask Slurm whether job ${job} is still in its queue: ${reasonOf(error)}`);
    }
    if (out.split("\n").some((line) => line.trim() === name || line.trim() === `${name}-join`)) queued.push(job);
  }
  return queued;
}

function numbersOf({ array, join }: Jobs): string[] {
  return [array, join].filter((job) => job !== undefined);
}

async function call(command: string, args: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], stdin: "null" }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout).trim(), error: decoder.decode(stderr).trim() };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`Cannot run ${command}: Slurm is not installed here, or not in PATH`, {
      cause: error,
    });
  }
}

/** What a command of Slurm's complains of, in one line. */
function reasonOf(error: string): string {
  return error.split("\n").map((line) => line.replace(/^\w+:? error: /, "")).at(-1) ?? "";
}
