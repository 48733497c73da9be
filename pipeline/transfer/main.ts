/**
 * `deno task transfer`: networks fine-tuned on a data set, with the settings that do best on a part of it.
 *
 * @module
 */

import { join } from "@std/path";
import { replaceFile } from "../../formats/base/files.ts";
import { endProcess } from "../command/end_process.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";
import { readConfiguration } from "../training/configuration.ts";
import type { GivenSettings } from "../training/settings.ts";
import { runTransfer, type TransferPlan, type TransferWatch } from "./grid_search.ts";
import { TRANSFER, type TransferCommand } from "./options.ts";
import { transferFiles, transferLines } from "./transfer_results.ts";

async function run(command: TransferCommand, progress: Progress): Promise<number> {
  const { output, quiet } = command;
  const plan = planOf(command);
  const { result, code } = await withSignals(async (signal) => {
    try {
      return await runTransfer(plan, watchOf(progress, { quiet, signal }));
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    }
  });
  progress.end();
  if (result === undefined) {
    printError(`Stopped: the same command goes on in "${output}"`);
    return code;
  }
  for (const [name, text] of Object.entries(transferFiles(plan, result))) replaceFile(join(output, name), text);
  if (!quiet) printLines(transferLines(plan, result));
  return 0;
}

function planOf(command: TransferCommand): TransferPlan {
  const { images, test, heldOut, init, gridLr, gridWeightDecay, seeds, config, output } = command;
  const { steps, batch, size, workers } = command;
  const given: GivenSettings = { steps, batch, size, workers };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const settings = { ...readConfiguration(config), ...named };
  return { images, test, heldOut, inits: init, rates: gridLr, decays: gridWeightDecay, seeds, settings, output };
}

function watchOf(
  progress: Progress,
  { quiet, signal }: { readonly quiet: boolean; readonly signal: AbortSignal },
): TransferWatch {
  if (quiet) return { signal, tell() {}, show() {} };
  return {
    signal,
    tell: progress.print,
    show: (line) => progress.show(line, false),
    onDownload: progress.download,
    onWarning: progress.print,
  };
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...TRANSFER, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
