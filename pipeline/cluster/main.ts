/**
 * `deno task cluster`: labels from many machines.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { joinShards } from "../../formats/labels/join.ts";
import { prepareSlurm } from "./prepare.ts";
import { readFolderState } from "./shard_states.ts";
import { describeFolderState, summariseFolder } from "./status.ts";
import {
  CLUSTER_HELP,
  JOIN,
  type JoinCommand,
  readOtherOptions,
  SLURM,
  type SlurmCommand,
  STATUS,
  type StatusCommand,
} from "./options.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { shellWord } from "../command/shell_word.ts";
import { printLine, printLines } from "../command/terminal.ts";
import { surveyLines } from "../model/survey_lines.ts";

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly; 75 if somebody else writes to the folder.
 */
export function main(args: readonly string[]): Promise<number> {
  const [what, ...rest] = args;
  switch (what) {
    case "slurm":
      return runCommand(rest, { ...SLURM, run: runSlurm });
    case "join":
      return runCommand(rest, { ...JOIN, run: runJoin });
    case "status":
      return runCommand(rest, { ...STATUS, run: runStatus });
    default:
      return runCommand(args, { read: readOtherOptions, help: CLUSTER_HELP, run: () => Promise.resolve(0) });
  }
}

async function runSlurm(command: SlurmCommand, progress: Progress): Promise<number> {
  const { relabel: { out, quiet }, submit } = command;
  const prepared = await prepareSlurm(command, progress);
  const { plan: { images, shards, rowsPerFile, jobs }, scripts, shards: unfinished, survey } = prepared;
  const parts = Math.ceil(images / rowsPerFile);
  if (!quiet) {
    const idle = shards - Math.min(parts, shards);
    printLine(
      `${formatNumberOf(images, "image")} in ${formatNumberOf(parts, "part file")} of ${formatCount(rowsPerFile)}, ` +
        formatNumberOf(shards, "shard") + (idle > 0 ? `, ${formatCount(idle)} of them without any` : ""),
    );
    printLines(surveyLines(survey));
    const whole = shards - unfinished.length;
    if (whole > 0) {
      const areWhole = `${formatCount(whole)} of them ${whole === 1 ? "is" : "are"} whole`;
      printLine(`${areWhole}, ${formatCount(unfinished.length)} ${unfinished.length === 1 ? "is" : "are"} left`);
    }
    printLines([`  ${scripts.array}`, `  ${scripts.join}`]);
  }
  if (submit) {
    if (jobs?.array !== undefined) {
      printLine(`Submitted job ${jobs.array}: ${formatNumberOf(unfinished.length, "shard")}`);
    }
    printLine(`Submitted job ${jobs!.join}: the join${jobs?.array === undefined ? "" : " after it"}`);
  }
  if (!quiet) {
    const next = submit ? `${calledAs("cluster status")} ${shellWord(out)}` : "the same command with --submit";
    printLine(`Next: ${next}`);
  }
  return 0;
}

async function runJoin({ folder, hashes, quiet }: JoinCommand, progress: Progress): Promise<number> {
  const { manifest: { parts }, shards } = await joinShards(folder, {
    hashes,
    onPart: (done, total) => {
      if (!quiet) progress.show(`${formatCount(done)}/${formatNumberOf(total, "part file")}`, false);
    },
  });
  progress.end();
  if (quiet) return 0;
  const rows = parts.reduce((sum, { rows }) => sum + rows, 0);
  const rejected = parts.reduce((sum, { rejected }) => sum + rejected, 0);
  const counts = `${formatNumberOf(rows, "row")}${rejected > 0 ? `, ${formatCount(rejected)} rejected` : ""}`;
  const what = shards > 0 ? `joined ${formatNumberOf(shards, "shard")}` : "it was one data set already";
  printLine(`${folder}: ${counts} in ${formatNumberOf(parts.length, "part file")} and manifest.json; ${what}`);
  return 0;
}

function runStatus({ folder, format }: StatusCommand): Promise<number> {
  const state = readFolderState(folder);
  if (format === "json") printLine(JSON.stringify({ ...summariseFolder(state), shard: state.shards }));
  else printLines(describeFolderState(folder, state));
  return Promise.resolve(0);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
