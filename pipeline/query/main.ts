/**
 * `deno task query`: SQL over label maps, and named reports.
 *
 * @module
 */

import { openLabelDatabase } from "./database.ts";
import { checkOutput, findQueryFiles } from "./query_files.ts";
import { QUERY, type QueryCommand } from "./options.ts";
import { type Report, REPORTS } from "./reports.ts";
import { localLabels } from "../model/hub_labels.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { closing } from "../../formats/base/closing.ts";

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code: 0; 1 after a failure and 2 after a wrong use, with one sentence on standard error; 130 or 143 after
 * SIGINT or SIGTERM.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...QUERY, run });
}

async function run(command: QueryCommand, progress: Progress): Promise<number> {
  const { code } = await withSignals((signal) =>
    untilAborted(signal, async () => {
      const folder = await localLabels(command.folder, {
        onDownload: progress.download,
        onWarning: progress.print,
        signal,
      });
      progress.end();
      await answer({ ...command, folder }, signal);
    })
  );
  return code;
}

async function answer(command: QueryCommand, signal: AbortSignal): Promise<void> {
  const { folder } = command;
  const files = findQueryFiles(folder);
  if ("report" in command && command.options.out !== undefined) checkOutput(command.options.out, files.files);
  using database = closing(await openLabelDatabase(files, folder, { signal }));
  if ("sql" in command) {
    await database.answer(command.sql, command.format);
  } else {
    if (!database.hasMaps) {
      throw new TypeError(`Cannot report on "${folder}": it holds crop-level labels and no label maps`);
    }
    const report: Report = REPORTS[command.report];
    await database.keepScores();
    await report.print(database, command.options);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
