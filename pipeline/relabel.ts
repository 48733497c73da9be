/**
 * `deno task relabel`: label maps for a data set.
 *
 * @module
 */

import { openImages } from "../formats/images/mod.ts";
import { loadAnnotator, type LoadedAnnotator } from "./annotator.ts";
import { loadCommandModel } from "./command_model.ts";
import { formatCount, formatSize } from "./numbers.ts";
import type { Progress } from "./progress.ts";
import { THRESHOLD } from "./query_reports.ts";
import { readRelabelOptions, RELABEL_HELP, type RelabelCommand } from "./relabel_options.ts";
import { describeReport } from "./report.ts";
import { writeReport } from "./report/write_report.ts";
import { runCommand } from "./run_command.ts";
import { SAMPLE_IMAGES } from "./sample_images.ts";
import { withSignals } from "./signals.ts";
import { summarise } from "./summary.ts";
import { writeLabelMaps, type WriteResult } from "./write_label_maps.ts";

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly; 130 or 143 after SIGINT or SIGTERM.
 */
export function runRelabel(args: readonly string[]): Promise<number> {
  return runCommand(args, { read: readRelabelOptions, help: RELABEL_HELP, run });
}

async function run(command: RelabelCommand, progress: Progress): Promise<number> {
  const { images = SAMPLE_IMAGES, out, quiet, report } = command;
  const start = performance.now();
  const source = await openImages(images);
  const annotator = await loadCommandModel(
    { ...command, model: command.annotator },
    progress,
    (reference, settings) => loadAnnotator(reference, { ...command, ...settings }),
  );
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
      console.log((await summarise(out, result, { ...command, colour, seconds })).join("\n"));
    }
    if (report) await writeFolderReport(command, progress);
    return 0;
  } finally {
    annotator.close();
  }
}

function describeRun({ metadata, capabilities: { adapter } }: LoadedAnnotator, images: string): string {
  const { name, inputSize } = metadata.annotator;
  return `${images}; ${name} at ${formatSize(inputSize)} on ${adapter}`;
}

/** Writes the report of the folder, and says where it is. */
async function writeFolderReport({ images = SAMPLE_IMAGES, out, quiet }: RelabelCommand, progress: Progress) {
  const onProgress = quiet ? undefined : (line: string) => progress.show(line, false);
  const start = performance.now();
  const written = await writeReport({ labels: out, images, threshold: THRESHOLD, seed: 0, onProgress });
  progress.end();
  if (!quiet) console.log(`\n${describeReport(written, (performance.now() - start) / 1000)}`);
}

/** Images that count when a run stops: those of parts that are whole. */
function wholeParts({ manifest, total }: WriteResult): { done: number; total: number } {
  return { done: manifest.parts.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0), total };
}

if (import.meta.main) Deno.exit(await runRelabel(Deno.args));
