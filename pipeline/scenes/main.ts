/**
 * `deno task scenes`: a procedural data set of small images with several objects, of which all is known.
 *
 * @module
 */

import { join } from "@std/path";
import { formatNumberOf } from "../command/numbers.ts";
import { type Progress, stopLine, timeLine } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import type { SplitWritten } from "./split_folder.ts";
import { writeScenes } from "./write_scenes.ts";
import { SCENES, type ScenesCommand, SPLIT_IMAGES } from "./options.ts";
import { withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";

async function run(command: ScenesCommand, progress: Progress): Promise<number> {
  const { folder, quiet, splits, seed, start, leastObjects } = command;
  const imagesOf = (split: typeof splits[number]) => command.count ?? SPLIT_IMAGES[split];
  const total = splits.reduce((sum, split) => sum + imagesOf(split), 0);
  let [done, before] = [0, 0];
  const { result: isStopped, code } = await withSignals(async (signal) => {
    for (const split of splits) {
      const path = join(folder, split);
      const began = performance.now();
      const written = await writeScenes(path, { seed, split, start, images: imagesOf(split), leastObjects }, {
        signal,
        onProgress: quiet
          ? undefined
          : (state) => progress.update({ ...state, done: done + state.done, before: before + state.before, total }),
      });
      done += written.done;
      before += written.before;
      if (written.stopped) return true;
      progress.end();
      if (!quiet) printLines(summary(path, written, (performance.now() - began) / 1000));
    }
    return false;
  });
  progress.end();
  if (!isStopped) return 0;
  printError(stopLine({ done, total }, folder));
  return code;
}

function summary(path: string, { done, before, objects, unnamed, ceiling }: SplitWritten, seconds: number): string[] {
  const lines = [
    `${path}: ${formatNumberOf(done, "image")}, ${(objects / done).toFixed(2)} objects per image`,
    `  ceiling    ${(100 * ceiling).toFixed(1)} % top-1 against single labels, for a perfect classifier`,
    timeLine({ done, before }, seconds),
  ];
  if (unnamed.length > 0) {
    const few = `${formatNumberOf(unnamed.length, "class folder")} without an image`;
    lines.push(`  few        ${few}: labels that number the others are not the indices in classes.txt`);
  }
  return lines;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...SCENES, run });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
