/**
 * `deno task relabel`: label maps for a data set.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { openImages } from "../formats/images/mod.ts";
import { loadAnnotator, type LoadedAnnotator } from "./annotator.ts";
import { readClassNames } from "./class_names.ts";
import { UsageError } from "./command_line.ts";
import { formatCount, formatSize } from "./numbers.ts";
import { type Progress, showProgress } from "./progress.ts";
import { readRelabelOptions, RELABEL_HELP, type RelabelCommand } from "./relabel_options.ts";
import { summarise } from "./summary.ts";
import { writeLabelMaps, type WriteResult } from "./write_label_maps.ts";

/** What runs when nothing is named, wherever the command is called from. */
const SAMPLE_IMAGES = fromFileUrl(new URL("../assets/photos", import.meta.url));
const SAMPLE_ANNOTATOR = fromFileUrl(new URL("../assets/efficientnet_lite0", import.meta.url));

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly; 130 or 143 after SIGINT or SIGTERM.
 */
export async function runRelabel(args: readonly string[]): Promise<number> {
  const progress = showProgress();
  try {
    const command = readRelabelOptions(args);
    if (command === "help") {
      console.log(RELABEL_HELP);
      return 0;
    }
    return await run(command, progress);
  } catch (error) {
    progress.end();
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(command: RelabelCommand, progress: Progress): Promise<number> {
  const { images = SAMPLE_IMAGES, out, quiet, show } = command;
  const start = performance.now();
  const source = await openImages(images);
  const annotator = await load(command, progress);
  try {
    if (!quiet) {
      progress.print(describeRun(annotator, `${formatCount(await source.count())} images in ${source.description}`));
    }
    const { result, code } = await withSignals((signal) =>
      writeLabelMaps(out, source, annotator, {
        ...command,
        signal,
        onProgress: quiet ? undefined : progress.update,
      })
    );
    progress.end();
    if (result.stopped) {
      const { done, total } = wholeParts(result);
      console.error(
        `Stopped: ${formatCount(done)} of ${formatCount(total)} images are in whole parts in "${out}", ` +
          "the same command goes on there",
      );
      return code;
    }
    if (!quiet) {
      const seconds = (performance.now() - start) / 1000;
      const colour = Deno.stdout.isTerminal() && !Deno.noColor;
      console.log((await summarise(out, result, { show, colour, seconds })).join("\n"));
    }
    return 0;
  } finally {
    annotator.close();
  }
}

async function load(command: RelabelCommand, progress: Progress): Promise<LoadedAnnotator> {
  const { annotator = SAMPLE_ANNOTATOR, classes, quiet } = command;
  const loaded = await loadAnnotator(annotator, {
    ...command,
    classNames: classes === undefined ? undefined : await readClassNames(classes),
    onDownload: quiet ? undefined : progress.download,
    onWarning: progress.print,
  });
  progress.end();
  return loaded;
}

function describeRun({ metadata, capabilities: { adapter } }: LoadedAnnotator, images: string): string {
  const { name, inputSize } = metadata.annotator;
  return `${images}; ${name} at ${formatSize(inputSize)} on ${adapter}`;
}

/** Images that count when a run stops: those of parts that are whole. */
function wholeParts({ manifest, total }: WriteResult): { done: number; total: number } {
  return { done: manifest.parts.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0), total };
}

/** Exit codes as shells have them, 128 and the signal's number. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

/** Runs something that a first SIGINT or SIGTERM asks to stop; a second one ends the process at once. */
async function withSignals(
  action: (signal: AbortSignal) => Promise<WriteResult>,
): Promise<{ result: WriteResult; code: number }> {
  const controller = new AbortController();
  let code = 0;
  const listeners = SIGNALS.map(([signal, exitCode]) => {
    const listener = () => {
      code = exitCode;
      controller.abort();
      removeAll();
    };
    return { signal, listener };
  });
  const removeAll = () => listeners.forEach(({ signal, listener }) => Deno.removeSignalListener(signal, listener));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  try {
    return { result: await action(controller.signal), code };
  } finally {
    if (!controller.signal.aborted) removeAll();
  }
}

if (import.meta.main) Deno.exit(await runRelabel(Deno.args));
