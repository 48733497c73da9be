/**
 * `deno task evaluate`: how well a classifier does.
 *
 * @module
 */

import { closing } from "../../formats/base/closing.ts";
import { replaceFile } from "../../formats/base/files.ts";
import { loadCommandModel } from "../model/command_model.ts";
import { EVALUATE, type EvaluateCommand } from "./options.ts";
import { loadClassifier, type LoadedClassifier } from "./load_classifier.ts";
import { type DataSet, openDataSet } from "./data_set.ts";
import { type EvaluatedImages, evaluateImages, evaluateOnRanks } from "./evaluate_images.ts";
import {
  annotationMeasure,
  corruptionMeasure,
  labelMeasure,
  type Measure,
  precisionMeasure,
  realMeasure,
} from "./measures.ts";
import { describeModel, type Evaluation, reportCsv, reportJson, reportLines } from "./report.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { endProcess } from "../command/end_process.ts";
import { formatDuration, formatNumberOf } from "../command/numbers.ts";
import { orientationLine } from "../model/orientation_line.ts";
import type { Progress } from "../command/progress.ts";
import { inTurns, together } from "../command/shared_work.ts";
import { runOnRanks } from "../command/run_on_ranks.ts";
import { surveyLines } from "../model/survey_lines.ts";
import { printLine, printLines } from "../command/terminal.ts";

async function run(command: EvaluateCommand, progress: Progress, ranks?: Communicator): Promise<number> {
  const { quiet } = command;
  const start = performance.now();
  using model = closing(
    await inTurns(ranks, () =>
      loadCommandModel(
        command,
        progress,
        (reference, settings) => loadClassifier(reference, { ...command, ...settings }),
      )),
  );
  const { dataSet, measures } = await together(ranks, async () => {
    const dataSet = await openDataSet(command.images, model, command.kind);
    return { dataSet, measures: await measuresOf(command, dataSet, model) };
  });
  if (!quiet) {
    const images = formatNumberOf(dataSet.count, "image");
    const shares = ranks ? `, over ${ranks.size} ranks` : "";
    const { description, capabilities: { adapter } } = model;
    progress.print(`${images} in ${dataSet.source.description}; ${describeModel(description, adapter)}${shares}`);
  }
  const options = { ...command, onProgress: quiet ? undefined : progress.update };
  const evaluated = ranks
    ? await evaluateOnRanks(model, dataSet, measures, { ...options, ranks })
    : await evaluateImages(model, dataSet, measures, options);
  progress.end();
  await together(ranks, () => {
    if (!ranks || ranks.rank === 0) report(command, { model, dataSet, measures, evaluated, start });
  });
  return 0;
}

/** Prints and writes what was found. */
function report(
  command: EvaluateCommand,
  found: {
    readonly model: LoadedClassifier;
    readonly dataSet: DataSet;
    readonly measures: readonly Measure[];
    readonly evaluated: EvaluatedImages;
    /** When the command began, milliseconds. */
    readonly start: number;
  },
): void {
  const { csv, json, quiet } = command;
  const { model: { description, capabilities: { adapter } }, dataSet, measures, evaluated, start } = found;
  const { images, rejected, oriented } = evaluated;
  const { path, kind } = dataSet;
  const nothing = measures.find((measure) => measure.figures().length === 0)?.nothing;
  if (nothing !== undefined) throw new Error(`Cannot evaluate on "${command.images}": ${nothing}`);
  const evaluation: Evaluation = {
    model: description,
    adapter,
    data: { path, kind, images },
    rejected,
    figures: measures.flatMap((measure) => measure.figures()),
    parts: command.perClass || kind === "imagenet-c" ? measures.flatMap((measure) => measure.parts()) : [],
    notes: measures.flatMap((measure) => measure.notes()),
  };
  if (!quiet) {
    const seconds = (performance.now() - start) / 1000;
    printLines(reportLines(evaluation));
    printLine(`  ${formatNumberOf(images, "image")} as ${kind} in ${formatDuration(seconds)}`);
    printLines(surveyLines(dataSet.survey));
    printLines(orientationLine(oriented, command.exifOrientation));
  }
  if (csv !== undefined) replaceFile(csv, reportCsv(evaluation));
  if (json !== undefined) replaceFile(json, reportJson(evaluation));
}

/** What the command asks for: the data set's own labels, where it has some, and each file of others. */
async function measuresOf(
  { real, shankar, multiLabel, fgsm }: EvaluateCommand,
  dataSet: DataSet,
  model: LoadedClassifier,
): Promise<Measure[]> {
  const evaluated = { dataSet, model };
  const { source, survey, kind, path } = dataSet;
  const others = [
    ...(real === undefined ? [] : [await realMeasure(real, evaluated)]),
    ...(shankar === undefined ? [] : [await annotationMeasure(shankar, evaluated)]),
    ...(multiLabel === undefined ? [] : [await precisionMeasure(multiLabel, evaluated)]),
  ];
  if (source.classes === null && survey.labelled === 0) {
    if (others.length > 0 && fgsm === undefined) return others;
    throw new TypeError(
      fgsm === undefined
        ? `Cannot evaluate on "${path}": its images have no labels, name a file of them by --real, --shankar or --multi-label`
        : `Cannot attack the images of "${path}": they have no labels to lead away from`,
    );
  }
  return [
    kind === "imagenet-c" ? corruptionMeasure(evaluated) : labelMeasure(evaluated),
    ...(fgsm === undefined ? [] : [labelMeasure(evaluated, { attacked: true })]),
    ...others,
  ];
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runOnRanks(args, { ...EVALUATE, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
