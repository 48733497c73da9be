/**
 * The scripts that Slurm runs: one task a shard, and a join after the last one.
 *
 * They name everything by its absolute path, since Slurm runs a copy of them from a folder of its own, and tell each shard
 * its number and the number of all, so that any of them can be submitted again by hand: `sbatch --array=3,7 array.sh`.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { join } from "@std/path";
import { printable } from "../../formats/base/printable.ts";
import { BUSY_EXIT_CODE } from "../command/command_line.ts";
import { shellWord } from "../command/shell_word.ts";

/** What is the same in both scripts. */
export interface ScriptSettings {
  /** What Slurm calls the job, `relabel-flowers`. */
  readonly name: string;
  /** Folder of scripts and logs, absolute. */
  readonly folder: string;
  /** Where the commands run, absolute: what their relative paths start from. */
  readonly workingFolder: string;
  /** Time limit as Slurm writes it. */
  readonly time?: string;
  /** The user's own options of `sbatch`. */
  readonly sbatch?: string;
}

/** What the array's script depends on. */
export interface ArraySettings extends ScriptSettings {
  /** Relabel without `--shard`: deno, its options, the module and the arguments. */
  readonly command: readonly string[];
  /** The folder of label maps, absolute. */
  readonly out: string;
  readonly shards: number;
  /** Tasks at a time. */
  readonly concurrent?: number;
}

/** What the join's script depends on. */
export interface JoinSettings extends ScriptSettings {
  /** One after the other. */
  readonly commands: readonly (readonly string[])[];
}

/** Seconds before its time limit that a task is told to end; Slurm may be a minute early. */
const NOTICE = 120;

/** Seconds between tries to write a shard that another process still holds. */
const WAIT = 15;

/**
 * The script of the array, of which each task labels one shard.
 *
 * @param settings What it depends on.
 * @returns The script, for Bash.
 * @throws {TypeError} If a text of it has control characters.
 */
export function arrayScript(settings: ArraySettings): string {
  checkTexts(settings);
  const { shards, concurrent, folder, out, command } = settings;
  const tasks = `0-${shards - 1}${concurrent === undefined ? "" : `%${concurrent}`}`;
  const count = String(shards).padStart(5, "0");
  return `${
    head(settings, ["--array", tasks], ["--requeue"], ["--open-mode", "append"], [
      "--output",
      `"${logPattern(folder)}/shard-%a.log"`,
    ], ["--signal", `B:USR1@${NOTICE}`])
  }
shard=$SLURM_ARRAY_TASK_ID
task=\${SLURM_ARRAY_JOB_ID}_$shard
manifest=${shellWord(join(out, "manifest-"))}$(printf %05d "$shard")-of-${count}.json
echo "Shard $shard of ${shards}: task $task, start $((\${SLURM_RESTART_COUNT:-0} + 1)), on \${SLURMD_NODENAME:-?}, $(date +%FT%T)"

# Relabel keeps whole part files when it is stopped. USR1 comes before the time limit, TERM from scancel or preemption.
child= stopped= time_is_up= code=143
stop() { stopped=yes; if [[ $child ]]; then kill -TERM "$child" 2>/dev/null || true; fi; }
trap stop TERM
trap 'time_is_up=yes; stop' USR1
size() { stat --format=%s "$manifest" 2>/dev/null || true; }
before=$(size)

until [[ $stopped ]]; do
  ${words(command)} --shard "$shard/${shards}" &
  child=$! code=0
  wait "$child" || code=$?
  if [[ $stopped ]]; then code=0; wait "$child" || code=$?; fi
  # ${BUSY_EXIT_CODE}: a node that was cut off may still write this shard, or hold its lock for a while.
  if [[ $code != ${BUSY_EXIT_CODE} ]]; then break; fi
  sleep ${WAIT} &
  child=$!
  wait "$child" || true
done

if [[ $time_is_up && ( $code == 143 || $code == ${BUSY_EXIT_CODE} ) ]]; then
  if [[ $code == 143 && $(size) == "$before" ]]; then
    echo "No part file was finished within the time limit: give a longer --time or fewer --rows-per-file" >&2
    exit 1
  fi
  echo "The time limit is near: whole part files are kept, the task is queued again"
  scontrol requeue "$task"
fi
echo "Shard $shard of ${shards}: exit code $code, $(date +%FT%T)"
exit "$code"
`;
}

/**
 * The script of the join, which waits for the array.
 *
 * @param settings What it depends on.
 * @returns The script, for Bash.
 * @throws {TypeError} If a text of it has control characters.
 */
export function joinScript(settings: JoinSettings): string {
  checkTexts(settings);
  const output = `"${logPattern(settings.folder)}/join.log"`;
  return `${
    head({ ...settings, name: `${settings.name}-join` }, ["--requeue"], ["--open-mode", "append"], [
      "--output",
      output,
    ])
  }
${settings.commands.map(words).join("\n")}
`;
}

/** Refuses what would break out of a line: of a comment, which Slurm reads, as of a command. */
function checkTexts(settings: ScriptSettings): void {
  for (const value of Object.values(settings).flat(2)) {
    if (typeof value === "string" && printable(value) !== value) {
      throw new TypeError(`Cannot write a script with ${JSON.stringify(value)}: it has control characters`);
    }
  }
}

/** What both begin with; the user's options come last, so that they win. */
function head({ name, time, sbatch, workingFolder }: ScriptSettings, ...options: string[][]): string {
  const lines = [["--job-name", name], ...options, ...(time === undefined ? [] : [["--time", time]])];
  return `#!/bin/bash
# Written by ${calledAs("cluster slurm")}.
${[...lines.map((words) => words.join("=")), ...(sbatch ? [sbatch] : [])].map((line) => `#SBATCH ${line}`).join("\n")}
set -euo pipefail
cd ${shellWord(workingFolder)}
# A driver looks for it; the one of the node that submitted is not here.
if [[ ! -d \${XDG_RUNTIME_DIR:-} ]]; then export XDG_RUNTIME_DIR=\${TMPDIR:-/tmp}; fi
`;
}

/** A folder in a pattern of Slurm's. */
function logPattern(folder: string): string {
  return join(folder, "logs").replaceAll("%", "%%").replaceAll(/["\\]/g, "\\$&");
}

function words(command: readonly string[]): string {
  return command.map(shellWord).join(" ");
}
