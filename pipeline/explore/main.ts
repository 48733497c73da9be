/**
 * `deno task explore`: label maps and their images on a local page.
 *
 * @module
 */

import { EXPLORE, type ExploreCommand } from "./options.ts";
import { type Explorer, openExplorer } from "./explorer.ts";
import { serveExplorer } from "./server.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { endProcess } from "../command/end_process.ts";
import { runCommand } from "../command/run_command.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { localLabels } from "../model/hub_labels.ts";
import type { DownloadWatch } from "../model/model.ts";
import type { Progress } from "../command/progress.ts";
import { printError, printLine } from "../command/terminal.ts";

async function run({ port, images = SAMPLE_IMAGES, ...given }: ExploreCommand, progress: Progress): Promise<number> {
  const { result: paths, code } = await withSignals((signal) =>
    untilAborted(signal, () => localFolders(given, { ...watchOf(progress), signal }))
  );
  progress.end();
  if (paths === undefined) return code;
  const explorer = await openExplorer({ ...paths, images });
  try {
    const { url } = serveExplorer(explorer, port);
    const [{ path, length, metadata }] = explorer.folders;
    printLine(
      `${formatNumberOf(length, "label map")} of ${metadata.annotator.name} in "${path}", images in "${images}"`,
    );
    if (explorer.imagesInBoth !== undefined) {
      const images = formatNumberOf(length, "image");
      printLine(`${formatCount(explorer.imagesInBoth)} of ${images} also in "${paths.compare}"`);
    }
    printLine("Open this address in a browser of this machine; Ctrl-C ends it");
    printLine(url);
    if (explorer.unknownLabels) printError(`Labels are not compared with classes: ${explorer.unknownLabels}`);
    warnOfMissingImages(explorer);
    // The process ends after this, and with it the server.
    const { code } = await withSignals((signal) => new Promise<void>((resolve) => signal.onabort = () => resolve()));
    return code;
  } finally {
    await explorer.close();
  }
}

function watchOf({ download, print }: Progress): DownloadWatch {
  return { onDownload: download, onWarning: print };
}

/** The command with folders of the hub downloaded. */
async function localFolders<Paths extends { readonly labels: string; readonly compare?: string }>(
  paths: Paths,
  watch: DownloadWatch,
): Promise<Paths> {
  const labels = await localLabels(paths.labels, watch);
  const compare = paths.compare === undefined ? undefined : await localLabels(paths.compare, watch);
  return { ...paths, labels, compare };
}

/** Says so if IMAGES is probably not what the label maps were made of. */
async function warnOfMissingImages({ folders: [labelMaps], images, paths }: Explorer): Promise<void> {
  if (labelMaps.length === 0) return;
  const { key } = await labelMaps.get(0);
  try {
    await images.read(key);
  } catch (error) {
    printError(`The first image, "${key}", is not to be had from "${paths.images}": ${(error as Error).message}`);
  }
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...EXPLORE, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
