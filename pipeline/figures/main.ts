/**
 * `deno task figures`: the paper's figures of a data set.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { join } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import { makeFolder, replaceFile } from "../../formats/base/files.ts";
import { openImages } from "../../formats/images/mod.ts";
import { type LabelMaps, openLabelMaps } from "../../formats/labels/mod.ts";
import { confidenceChart, overlapChart } from "../charts/crop_charts.ts";
import { type CropSampling, shareUpTo } from "../charts/crops.ts";
import { UsageError } from "../command/command_line.ts";
import { endProcess } from "../command/end_process.ts";
import { formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { printLines } from "../command/terminal.ts";
import { type ImageReader, openImageReader } from "../pictures/image_reader.ts";
import { augmentationOf } from "../training/batch.ts";
import { resolveSettings } from "../training/settings.ts";
import { drawBoxedCrops, type DrawnCrops } from "./boxed_crops.ts";
import { drawExamples } from "./draw_examples.ts";
import { FIGURES, type FiguresCommand } from "./options.ts";

async function run(command: FiguresCommand, progress: Progress): Promise<number> {
  if (command.maps === undefined && command.boxes === undefined) {
    throw new UsageError(`Expected --maps, --boxes or both: see ${calledAs("figures")} --help`);
  }
  const { result: lines, code } = await withSignals((signal) =>
    untilAborted(signal, () =>
      writeFigures(command, (line) => {
        signal.throwIfAborted();
        if (!command.quiet) progress.show(line, false);
      }))
  );
  progress.end();
  if (lines && !command.quiet) printLines(lines);
  return code;
}

async function writeFigures(command: FiguresCommand, onProgress: (line: string) => void): Promise<string[]> {
  const { images, maps, boxes, output, seed, sample } = command;
  const source = await openImages(images);
  using reader = closing(await openImageReader(images));
  using labelMaps = maps === undefined ? undefined : closing(await openLabelMaps(maps));
  const settings = resolveSettings({ images, maps, seed });
  const { mode, missing, temperature } = settings;
  const sampling: CropSampling = { settings: augmentationOf(settings), pooling: { mode, missing, temperature }, seed };
  const figures: [name: string, svg: string][] = [];
  const said: string[] = [];
  if (boxes !== undefined) {
    const drawn = await drawBoxedCrops({ source, reader, labelMaps, boxes }, {
      ...sampling,
      sample,
      onImage: (done, total) => onProgress(`Crops of ${formatCount(done)}/${formatNumberOf(total, "image")}`),
    });
    said.push(...cropLines(drawn));
    figures.push(["figure-2.svg", overlapChart(drawn.crops)]);
    if (labelMaps) figures.push(["figure-5.svg", confidenceChart(drawn.crops)]);
  }
  if (labelMaps) figures.push(...await exampleFigures(labelMaps, reader, command, { sampling, onProgress }));
  makeFolder(output, `Cannot write figures to "${output}"`);
  for (const [name, svg] of figures) replaceFile(join(output, name), svg);
  return [`${output}: ${figures.map(([name]) => name).join(", ")}`, ...said];
}

/** What is said of crops, the paper's figures among it. */
function cropLines({ crops, boxed, measured, otherwise, passedOver }: DrawnCrops): string[] {
  const { overlap } = crops;
  const missed = shareUpTo(overlap, 0);
  return [
    `  crops      ${formatNumberOf(overlap.length, "random crop")} of ${formatNumberOf(measured, "image")}, of ${
      formatCount(boxed)
    } with boxes`,
    `  object     ${formatPercent(missed)} of crops show nothing of the labelled object, ${
      formatPercent(1 - shareUpTo(overlap, 0.5))
    } have an IoU above 0.5 with it (paper: 8 % and 23.5 %)`,
    ...(otherwise > 0
      ? [`  left out   ${formatNumberOf(otherwise, "image")} without a map or a box of the class of the label`]
      : []),
    ...(passedOver > 0 ? [`  not known  ${formatNumberOf(passedOver, "box", "boxes")} of other classes`] : []),
  ];
}

async function exampleFigures(
  labelMaps: LabelMaps,
  reader: ImageReader,
  { examples, seed }: FiguresCommand,
  { sampling, onProgress }: { readonly sampling: CropSampling; readonly onProgress: (line: string) => void },
): Promise<[name: string, svg: string][]> {
  const { heatMaps, crops } = await drawExamples(labelMaps, reader, {
    ...sampling,
    seed,
    examples,
    onImage: (done, total) => onProgress(`${formatCount(done)}/${formatNumberOf(total, "example")}`),
  });
  return [["figure-a2.svg", heatMaps], ["figure-a3.svg", crops]];
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...FIGURES, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
