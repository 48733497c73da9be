/**
 * `deno task corrupt`: images as ImageNet-C's.
 *
 * @module
 */

import { openImages } from "../../formats/images/mod.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { type Progress, stopLine, timeLine } from "../command/progress.ts";
import { endProcess } from "../command/end_process.ts";
import { runCommand } from "../command/run_command.ts";
import { withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";
import { CORRUPT, type CorruptCommand } from "./options.ts";
import { type CorruptedImages, writeCorrupted } from "./write_corrupted.ts";

/** Images that could not be decoded and are named; the others are counted. */
const SHOWN_FAILED = 3;

async function run({ images, output, quiet, workers, ...plan }: CorruptCommand, progress: Progress): Promise<number> {
  const source = await openImages(images);
  const began = performance.now();
  const { result, code } = await withSignals((signal) =>
    writeCorrupted(output, source, { ...plan, workers: workers ?? navigator.hardwareConcurrency }, {
      signal,
      onProgress: quiet ? undefined : progress.update,
    })
  );
  progress.end();
  if (result.stopped) {
    printError(stopLine(result, output));
    return code;
  }
  if (!quiet) printLines(summary(output, result, (performance.now() - began) / 1000));
  return result.done > 0 && result.failed.length === result.done ? 1 : 0;
}

function summary(output: string, corrupted: CorruptedImages, seconds: number): string[] {
  const { done, failed, files } = corrupted;
  const more = failed.length - SHOWN_FAILED;
  return [
    `${output}: ${formatNumberOf(files, "file")} of ${formatNumberOf(done, "image")}`,
    ...failed.length === 0 ? [] : [
      `  not made   ${formatNumberOf(failed.length, "image")}`,
      ...failed.slice(0, SHOWN_FAILED).map(({ key, reason }) => `    ${key}: ${reason}`),
      ...more > 0 ? [`    and ${formatCount(more)} more`] : [],
    ],
    timeLine(corrupted, seconds),
  ];
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...CORRUPT, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
