/**
 * `deno task publish`: label maps as a data set of the Hugging Face hub.
 *
 * @module
 */

import { isPublishedPart } from "../../formats/labels/mod.ts";
import { checkTarget, readHubSettings, type Uploaded, uploadToHub } from "../../formats/weights/mod.ts";
import { endProcess } from "../command/end_process.ts";
import { formatBytes, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";
import { PUBLISH, type PublishCommand } from "./options.ts";
import { publishLabels } from "./publish_labels.ts";
import { writeFiles } from "./write_files.ts";

async function run(command: PublishCommand, progress: Progress): Promise<number> {
  const { filesOnly, to, quiet } = command;
  const { result: lines, code } = await withSignals((signal) =>
    untilAborted(signal, async () => {
      // Before anything is read: a token that is missing is found here.
      const target = to && { reference: to, settings: readHubSettings() };
      if (target) checkTarget(target);
      const { files, images } = await publishLabels({
        ...command,
        repository: to?.repository,
        signal,
        onProgress: quiet ? undefined : (line) => progress.show(line, false),
      });
      const onProgress = quiet ? undefined : progress.download;
      const lines: string[] = [];
      if (filesOnly !== undefined) {
        await writeFiles(filesOnly, files, { signal, onProgress });
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        lines.push(`${filesOnly}: ${whatIn(images, files.length)}, ${formatBytes(bytes)}`);
      }
      if (target) {
        const uploaded = await uploadToHub(target, files, {
          isPrivate: command.private,
          summary: `Publish label maps of ${formatNumberOf(images, "image")}`,
          isStale: (path) => isPublishedPart(path, command.split),
          signal,
          onProgress,
        });
        lines.push(`${uploaded.page}: ${whatIn(images, files.length)}`, `  ${uploadLine(uploaded)}`);
      }
      return lines;
    })
  );
  progress.end();
  if (lines === undefined) printError("Stopped: the same command goes on with what has not arrived");
  else if (!quiet) printLines(lines);
  return code;
}

function whatIn(images: number, files: number): string {
  return `${formatNumberOf(images, "image")}, ${formatNumberOf(files, "file")}`;
}

function uploadLine({ commit, sent, sentBytes, isUnchanged }: Uploaded): string {
  if (isUnchanged) return `commit ${commit} has all of it already`;
  return `commit ${commit}: ${formatNumberOf(sent, "file")} sent, ${formatBytes(sentBytes)}`;
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
