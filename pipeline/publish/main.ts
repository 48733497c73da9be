/**
 * `deno task publish`: label maps as a data set of the Hugging Face hub.
 *
 * @module
 */

import { endProcess } from "../command/end_process.ts";
import { formatBytes, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { printError, printLine } from "../command/terminal.ts";
import { PUBLISH, type PublishCommand } from "./options.ts";
import { publishLabels } from "./publish_labels.ts";
import { writeFiles } from "./write_files.ts";

async function run(command: PublishCommand, progress: Progress): Promise<number> {
  const { filesOnly, quiet } = command;
  const { result: line, code } = await withSignals((signal) =>
    untilAborted(signal, async () => {
      const { files, images } = await publishLabels({
        ...command,
        signal,
        onProgress: quiet ? undefined : (line) => progress.show(line, false),
      });
      await writeFiles(filesOnly, files, { signal, onProgress: quiet ? undefined : progress.download });
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      return `${filesOnly}: ${formatNumberOf(images, "image")}, ${formatNumberOf(files.length, "file")}, ${
        formatBytes(bytes)
      }`;
    })
  );
  progress.end();
  if (line === undefined) printError("Stopped: the same command goes on");
  else if (!quiet) printLine(line);
  return code;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...PUBLISH, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
