/**
 * `deno task evaluate`: how well a classifier does.
 *
 * @module
 */

import { replaceFile } from "../formats/labels/files.ts";
import { loadCommandModel } from "./command_model.ts";
import { EVALUATE_HELP, type EvaluateCommand, readEvaluateOptions } from "./evaluate_options.ts";
import { loadClassifier, type LoadedClassifier } from "./evaluation/classifier.ts";
import { type DataSet, openDataSet } from "./evaluation/data_set.ts";
import { evaluateImages } from "./evaluation/evaluate_images.ts";
import {
  annotationMeasure,
  corruptionMeasure,
  labelMeasure,
  type Measure,
  precisionMeasure,
  realMeasure,
} from "./evaluation/measures.ts";
import { describeModel, type Evaluation, reportCsv, reportJson, reportLines } from "./evaluation/report.ts";
import { formatDuration, formatNumberOf } from "./numbers.ts";
import type { Progress } from "./progress.ts";
import { runCommand } from "./run_command.ts";

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly.
 */
export function runEvaluate(args: readonly string[]): Promise<number> {
  return runCommand(args, { read: readEvaluateOptions, help: EVALUATE_HELP, run });
}

async function run(command: EvaluateCommand, progress: Progress): Promise<number> {
  const { csv, json, quiet } = command;
  const start = performance.now();
  const model = await loadCommandModel(
    command,
    progress,
    (reference, settings) => loadClassifier(reference, { ...command, ...settings }),
  );
  try {
    const dataSet = await openDataSet(command.images, model, command.kind);
    const measures = await measuresOf(command, dataSet, model);
    const { description, capabilities: { adapter } } = model;
    if (!quiet) {
      const images = formatNumberOf(dataSet.count, "image");
      progress.print(`${images} in ${dataSet.source.description}; ${describeModel(description, adapter)}`);
    }
    const { images, rejected } = await evaluateImages(model, dataSet, measures, {
      ...command,
      onProgress: quiet ? undefined : progress.update,
    });
    progress.end();
    const nothing = measures.find((measure) => measure.figures().length === 0)?.nothing;
    if (nothing !== undefined) throw new Error(`Cannot evaluate on "${command.images}": ${nothing}`);
    const { path, kind } = dataSet;
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
      console.log(reportLines(evaluation).join("\n"));
      console.log(`  ${formatNumberOf(images, "image")} as ${kind} in ${formatDuration(seconds)}`);
    }
    if (csv !== undefined) replaceFile(csv, reportCsv(evaluation));
    if (json !== undefined) replaceFile(json, reportJson(evaluation));
    return 0;
  } finally {
    model.close();
  }
}

/** What the command asks for: the data set's own labels, where it has some, and each file of others. */
async function measuresOf(
  { real, shankar, multiLabel, fgsm }: EvaluateCommand,
  dataSet: DataSet,
  model: LoadedClassifier,
): Promise<Measure[]> {
  const evaluated = { dataSet, model };
  const { source, kind, path } = dataSet;
  const others = [
    ...(real === undefined ? [] : [await realMeasure(real, evaluated)]),
    ...(shankar === undefined ? [] : [await annotationMeasure(shankar, evaluated)]),
    ...(multiLabel === undefined ? [] : [await precisionMeasure(multiLabel, evaluated)]),
  ];
  const [first] = await Array.fromAsync(source.read({ end: 1 }));
  if (source.classes === null && first.label === null) {
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

if (import.meta.main) Deno.exit(await runEvaluate(Deno.args));
