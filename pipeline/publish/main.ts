/**
 * `deno task publish`: label maps as a data set of the Hugging Face hub, a training as a model.
 *
 * @module
 */

import { isPublishedPart } from "../../formats/labels/mod.ts";
import {
  checkTarget,
  type HubReference,
  readHubSettings,
  type Uploaded,
  uploadToHub,
} from "../../formats/weights/mod.ts";
import type { PiecedFile } from "../../formats/base/pieced_file.ts";
import { UsageError } from "../command/command_line.ts";
import { endProcess } from "../command/end_process.ts";
import { formatBytes, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";
import { PUBLISH, type PublishCommand } from "./options.ts";
import { publishLabels } from "./publish_labels.ts";
import { isRun, publishRun } from "./publish_run.ts";
import { writeFiles } from "./write_files.ts";

async function run(command: PublishCommand, progress: Progress): Promise<number> {
  const { filesOnly, to, quiet } = command;
  const { result: lines, code } = await withSignals((signal) =>
    untilAborted(signal, async () => {
      const isModel = isRun(command.labels);
      if (isModel) refuseForModel(command);
      // Before anything is read: a token that is missing is found here.
      const reference: HubReference | undefined = to && { ...to, kind: isModel ? "model" : "dataset" };
      const target = reference && { reference, settings: readHubSettings() };
      if (target) checkTarget(target);
      const { files, images } = await filesOf(command, isModel, {
        signal,
        onProgress: quiet ? undefined : (line) => progress.show(line, false),
      });
      const onProgress = quiet ? undefined : progress.download;
      const counts = [
        ...images === undefined ? [] : [formatNumberOf(images, "image")],
        formatNumberOf(files.length, "file"),
      ];
      const lines: string[] = [];
      if (filesOnly !== undefined) {
        await writeFiles(filesOnly, files, { signal, onProgress });
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        lines.push(`${filesOnly}: ${counts.join(", ")}, ${formatBytes(bytes)}`);
      }
      if (target) {
        const uploaded = await uploadToHub(target, files, {
          isPrivate: command.private,
          summary: images === undefined
            ? "Publish a model"
            : `Publish label maps of ${formatNumberOf(images, "image")}`,
          isStale: (path) => !isModel && isPublishedPart(path, command.split),
          signal,
          onProgress,
        });
        lines.push(`${uploaded.page}: ${counts.join(", ")}`, `  ${uploadLine(uploaded)}`);
      }
      return lines;
    })
  );
  progress.end();
  if (lines === undefined) printError("Stopped: the same command goes on with what has not arrived");
  else if (!quiet) printLines(lines);
  return code;
}

/** The files of a model, or of label maps, and then how many images these are of. */
async function filesOf(
  command: PublishCommand,
  isModel: boolean,
  watch: { readonly signal: AbortSignal; readonly onProgress?: (line: string) => void },
): Promise<{ readonly files: readonly PiecedFile[]; readonly images?: number }> {
  const asked = { ...command, repository: command.to?.repository };
  return isModel
    ? { files: await publishRun({ ...asked, run: command.labels }) }
    : await publishLabels({ ...asked, ...watch });
}

/** Refuses what is for label maps alone. */
function refuseForModel({ labels, images, annotatorLicense, to }: PublishCommand): void {
  const what = images !== undefined
    ? `"${images}"`
    : annotatorLicense !== undefined
    ? "--annotator-license"
    : to?.text.startsWith("hf:datasets/")
    ? `--to ${to.text}`
    : undefined;
  if (what !== undefined) throw new UsageError(`Cannot use ${what} with "${labels}": it is a training, not label maps`);
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
