/**
 * `deno task relabel`: label maps for a data set.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { type ClassNames, MULTI_LABEL_THRESHOLD, readManifests } from "../../formats/labels/mod.ts";
import { resolve } from "@std/path";
import { type ImageSource, openImageList, openImages, writeImageList } from "../../formats/images/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { dataSetClassNames, imageNetClassNames, readClassNames } from "../model/class_names.ts";
import { sampleImages } from "../model/measure_floor.ts";
import { describeAnnotators } from "../model/averaged_entries.ts";
import { loadAnnotator, type LoadedAnnotator } from "../model/load_annotator.ts";
import { UsageError } from "../command/command_line.ts";
import { endProcess } from "../command/end_process.ts";
import { loadCommandModel } from "../model/command_model.ts";
import { formatBytes, formatCount, formatDuration, formatNumberOf, formatSize } from "../command/numbers.ts";
import { inOptions } from "../label_folder/other_configuration.ts";
import type { Progress } from "../command/progress.ts";

import { RELABEL, type RelabelCommand } from "./options.ts";
import { estimateLabelMaps } from "./estimate.ts";
import { chooseShard } from "./shard.ts";
import { runCommand } from "../command/run_command.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";
import { withSignals } from "../command/signals.ts";
import { shellWord } from "../command/shell_word.ts";
import { summarise } from "./summary.ts";
import { surveyLines } from "../model/survey_lines.ts";
import { tuneOptionsOf } from "../model/tuned_device.ts";
import { printError, printLines } from "../command/terminal.ts";
import { isAbort } from "../command/until_aborted.ts";
import { writeLabelMaps, type WriteResult } from "./write_label_maps.ts";
import { rejectedImages } from "../label_folder/rejected_images.ts";

async function run(command: RelabelCommand, progress: Progress): Promise<number> {
  const { out, quiet, report, writeList } = command;
  const start = performance.now();
  if (writeList !== undefined) return await listImages(command, writeList, progress);
  const { shard, from } = command.estimate ? {} : chooseShard(command.shard, Deno.env.get);
  const source = await openSource(command);
  // Before anything is annotated: labels that cannot be stored are found here.
  const survey = await source.survey();
  const classesFrom = await targetClasses(command, source);
  using annotator = closing(
    await loadCommandModel(
      { ...command, model: command.annotator },
      progress,
      (reference, settings) =>
        loadAnnotator(reference, {
          ...command,
          ...settings,
          classesFrom,
          tune: tuneOptionsOf(Math.min(survey.images, command.limit ?? Infinity), command.noTune),
          floorFrom: { maps: floorOfFolder(out), images: sampleImages(source, command.limit) },
        }),
    ),
  );
  if (!quiet) {
    if (shard && from) progress.print(`Shard ${shard.index}/${shard.count}, since ${from}`);
    progress.print(describeRun(annotator, `${formatNumberOf(survey.images, "image")} in ${source.description}`));
  }
  const flattened = flattenedAnswers(annotator);
  if (flattened !== undefined) progress.print(flattened);
  if (command.estimate) return await printEstimate(command, source, annotator, progress);
  const { result, code } = await withSignals((signal) =>
    writeLabelMaps(out, source, annotator, {
      ...command,
      shard,
      signal,
      onProgress: quiet ? undefined : progress.update,
    }).catch((error) => {
      if (!isAbort(error, signal)) throw inOptions(error, out, "another folder with --out");
    })
  );
  progress.end();
  if (result === undefined) {
    printError(`Stopped before the first image: the same command begins anew in "${out}"`);
    return code;
  }
  if (result.stopped) {
    const { done, total } = wholeParts(result);
    printError(
      `Stopped: ${formatCount(done)} of ${formatNumberOf(total, "image")} ${
        done === 1 ? "is" : "are"
      } in whole parts in "${out}", ` +
        "the same command goes on there",
    );
    return code;
  }
  if (!quiet) {
    const seconds = (performance.now() - start) / 1000;
    const images = command.list === undefined ? command.images : source.path;
    const colour = Deno.stdout.isTerminal() && !Deno.noColor;
    printLines(await summarise(out, result, { ...command, images, survey, colour, seconds }));
  }
  // Of shards another one may have labelled some.
  if (!shard) refuseNone(source, result, out);
  if (report) await writeFolderReport(command, source, progress);
  return 0;
}

/** The floor that the maps of a folder have which is gone on with, so that it is not measured again. */
function floorOfFolder(path: string): number | undefined {
  try {
    return readManifests(path)[0]?.configuration.metadata.floor;
  } catch {
    // What is wrong with the folder is said where it is opened.
    return undefined;
  }
}

/** The classes that the annotator's are summed to, if they are. */
async function targetClasses({ classesFrom }: RelabelCommand, source: ImageSource): Promise<ClassNames | undefined> {
  if (classesFrom === undefined) return undefined;
  if (classesFrom === "imagenet") return await imageNetClassNames();
  if (classesFrom !== "images") {
    const names = await readClassNames(classesFrom);
    return names.wnid ? names : await dataSetClassNames(names.name);
  }
  const names = await dataSetClassNames(source.classes);
  if (names) return names;
  throw new UsageError(`Cannot use --classes-from images: "${source.path}" has no class folders`);
}

/** Says what label maps of all images take. */
async function printEstimate(
  command: RelabelCommand,
  source: ImageSource,
  annotator: LoadedAnnotator,
  progress: Progress,
): Promise<number> {
  const { result, code } = await withSignals((signal) =>
    estimateLabelMaps(source, annotator, { ...command, shard: undefined, signal }).catch((error) => {
      if (!isAbort(error, signal)) throw error;
    })
  );
  progress.end();
  if (result === undefined) {
    printError("Stopped before there was anything to reckon with");
    return code;
  }
  const { measured, images, imagesPerSecond, seconds, bytes } = result;
  printLines([
    `${formatNumberOf(images, "image")} at ${imagesPerSecond.toPrecision(3)} images/s: ${
      formatDuration(seconds)
    }, and ${formatBytes(bytes)} of label maps (${formatNumberOf(Math.round(bytes / images), "byte")} an image)`,
    `  measured   on the first ${formatNumberOf(measured, "image")}, in batches of ${annotator.batch}`,
  ]);
  return 0;
}

/** The images, by their list if there is one. */
async function openSource({ images, list }: RelabelCommand): Promise<ImageSource> {
  if (list === undefined) return await openImages(images ?? SAMPLE_IMAGES);
  const source = await openImageList(list);
  if (images === undefined || resolve(images) === source.path) return source;
  throw new UsageError(`Cannot use list of images "${list}": it is of "${source.path}", not of "${resolve(images)}"`);
}

/** Lists the images, and says how to go on. */
async function listImages({ images = SAMPLE_IMAGES, quiet }: RelabelCommand, path: string, progress: Progress) {
  const source = await openImages(images);
  const { description } = source;
  const onImage = (count: number) => progress.show(`${formatNumberOf(count, "image")} in ${description}`, false);
  const listed = await writeImageList(source, path, quiet ? undefined : onImage);
  progress.end();
  if (!quiet) {
    printLines([
      `${path}: ${formatNumberOf(listed.images, "image")} in ${description}`,
      ...surveyLines(await source.survey()),
      "",
      `Next: ${calledAs("relabel")} ${shellWord(images)} --list ${shellWord(path)}`,
    ]);
  }
  return 0;
}

function describeRun({ metadata, capabilities: { adapter } }: LoadedAnnotator, images: string): string {
  return `${images}; ${describeAnnotators(metadata)} on ${adapter}`;
}

/** What a size above the annotator's own does to its answers for whole pictures; undefined if it is not above. */
function flattenedAnswers(
  { metadata: { annotator: { name, inputSize }, scores = "softmax" }, ownSize }: LoadedAnnotator,
) {
  if (inputSize[0] * inputSize[1] <= ownSize[0] * ownSize[1]) return undefined;
  return `${formatSize(inputSize)} is above the ${
    formatSize(ownSize)
  } of ${name}: maps have more cells, and what fills ` +
    "few of them weighs less in the classifier's own answer for a whole picture (top_class and top_probability, the " +
    `${scores} of the mean logits), whose probabilities flatten`;
}

/** Writes the report of the folder, and says where it is. */
async function writeFolderReport({ out, quiet }: RelabelCommand, { path: images }: ImageSource, progress: Progress) {
  // Only a report needs DuckDB, and with it --allow-ffi.
  const { describeReport } = await import("../report/main.ts");
  const { writeReport } = await import("../report/write_report.ts");
  const onProgress = quiet ? undefined : (line: string) => progress.show(line, false);
  const start = performance.now();
  const written = await writeReport({ labels: out, images, threshold: MULTI_LABEL_THRESHOLD, seed: 0, onProgress });
  progress.end();
  if (!quiet) printLines(["", describeReport(written, (performance.now() - start) / 1000)]);
}

/** Refuses a run in which every image was rejected. */
function refuseNone({ path }: ImageSource, { manifest, total }: WriteResult, out: string): void {
  if (total === 0 || manifest.parts.some(({ rows }) => rows > 0)) return;
  const [{ key, reason }] = rejectedImages(out, manifest.shard);
  throw new Error(
    `Cannot label images of "${path}": none of ${formatNumberOf(total, "image")} can be labelled, ` +
      `the first, ${showValue(key)}, because: ${reason}`,
  );
}

/** Images that count when a run stops: those of parts that are whole. */
function wholeParts({ manifest, total }: WriteResult): { done: number; total: number } {
  return { done: manifest.parts.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0), total };
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...RELABEL, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
