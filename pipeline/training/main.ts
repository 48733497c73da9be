/**
 * `deno task train`: a classifier from images, with the labels of a data set or with localized multi-labels.
 *
 * @module
 */

import { join } from "@std/path";
import { countMultiplyAdds, countParameters } from "../../kernels/networks/multiply_adds.ts";
import { endProcess } from "../command/end_process.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { formatCount, formatDuration, formatNumberOf, formatSize } from "../command/numbers.ts";
import { orientationLine } from "../model/orientation_line.ts";
import type { Progress } from "../command/progress.ts";
import { runOnRanks } from "../command/run_on_ranks.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { localLabels } from "../model/hub_labels.ts";
import type { DownloadWatch } from "../model/model.ts";
import { surveyLines } from "../model/survey_lines.ts";
import { tuneOptionsOf } from "../model/tuned_device.ts";
import { printError, printLines } from "../command/terminal.ts";
import { TRAIN, type TrainCommand } from "./options.ts";
import type { RequestedSettings } from "./settings.ts";
import { trainingLine } from "./progress_line.ts";
import { runTraining, type RunWatch, type TrainingStart } from "./run_training.ts";
import type { Teacher } from "./start_trainer.ts";
import { type EpochSummary, measuresOf, scoreOf } from "./summary_file.ts";
import type { TrainingResult } from "./training_parts.ts";

async function run(
  command: TrainCommand,
  progress: Progress,
  ranks?: Communicator,
): Promise<number> {
  const { quiet, noTune } = command;
  let { options } = command;
  const { result, code } = await withSignals(async (signal) => {
    if (command.onHub) {
      const watch = { onDownload: quiet ? undefined : progress.download, onWarning: progress.print, signal };
      const paths = await untilAborted(signal, () => localMaps(command.onHub!.maps, watch));
      if (paths === undefined) return;
      options = command.onHub.settle(paths);
    }
    const tune = (images: number) => tuneOptionsOf(images, noTune);
    const watch = { signal, tune, ...(quiet ? { onWarning: progress.print } : watchOf(options, progress)) };
    return await runTraining(options, watch, ranks);
  });
  progress.end();
  const isFirst = !ranks || ranks.rank === 0;
  if (result === undefined || result.stopped) {
    const codes = Int32Array.of(code);
    await ranks?.largest(codes);
    if (!isFirst) return codes[0];
    const where = result === undefined
      ? "before its first step"
      : `after step ${result.position.step} of epoch ${result.position.epoch}`;
    printError(`Stopped ${where}: the same command goes on in "${options.output}"`);
    return codes[0];
  }
  if (isFirst && !quiet) printLines(summary(options, result));
  return 0;
}

/** Where label maps are on this machine, those of the hub once they are downloaded. */
async function localMaps(maps: readonly string[], watch: DownloadWatch): Promise<string[]> {
  const paths: string[] = [];
  for (const path of maps) paths.push(await localLabels(path, watch));
  return paths;
}

/** What the training tells on its way. */
function watchOf(options: RequestedSettings, progress: Progress): Omit<RunWatch, "signal"> {
  let started = performance.now();
  return {
    onDownload: progress.download,
    onWarning: progress.print,
    onImage: (done, total) => progress.show(decodingLine(done, total), done === total),
    onStart(start) {
      progress.print(describeRun(start));
      progress.print(describeNetwork(start));
      if (start.teacher) progress.print(describeTeacher(start.teacher));
      surveyLines(start.data.images.survey).forEach(progress.print);
      start.data.remarks.forEach(progress.print);
      if (start.validation) {
        progress.print(`Validation on ${options.validation}`);
        surveyLines(start.validation).forEach(progress.print);
      }
      const { position } = start;
      if (position) {
        progress.print(`Going on in "${options.output}" after step ${position.step} of epoch ${position.epoch}`);
      }
      started = performance.now();
    },
    onProgress: (state) => progress.show(trainingLine(state), false),
    onEpoch: (epoch) => progress.print(epochLine(epoch, (performance.now() - started) / 1000)),
  };
}

function describeRun(
  { options, isBatchChosen, data: { images, used, classes }, device, bytes, ranks }: TrainingStart,
): string {
  const { network, size, labels, epochs, steps, batch, accumulate } = options;
  const { arena, constants, states, textures } = bytes;
  const megabytes = Math.round((arena + constants + states + textures) / 1e6);
  const chosen = isBatchChosen ? " (chosen, --batch sets it)" : "";
  const shares = ranks === 1 ? "" : ` over ${ranks} ranks`;
  const inEpochs = formatNumberOf(epochs, "epoch");
  const length = steps === undefined ? inEpochs : `${formatNumberOf(steps, "update")} in ${inEpochs}`;
  const updates = accumulate === 1 ? "" : `, ${accumulate} batches an update`;
  return `${formatNumberOf(used.length, "image")} in ${images.description}; ` +
    `${network} at ${formatSize(size)} with ${formatNumberOf(classes, "class", "classes")}, labels ${labels}, ` +
    `${length}, batch ${batch}${chosen}${shares}${updates}; ` +
    `${formatCount(megabytes)} MB on ${device.capabilities.adapter}`;
}

/** How large the network is: what papers call FLOPs are products that are added up. */
function describeNetwork({ options: { size }, network }: TrainingStart): string {
  const parameters = (countParameters(network) / 1e6).toPrecision(3);
  const products = (countMultiplyAdds(network, size) / 1e9).toPrecision(2);
  return `  network    ${parameters} M parameters, ${products} G multiply-adds (FLOPs, as papers count) an image`;
}

/** What a teacher costs for each image of each epoch. */
function describeTeacher({ network, size }: Teacher): string {
  const products = (countMultiplyAdds(network, size) / 1e9).toPrecision(2);
  return `  teacher    ${network.name} at ${formatSize(size)}, ${products} G multiply-adds an image`;
}

function decodingLine(done: number, total: number): string {
  return `${formatCount(done)}/${formatNumberOf(total, "image")} decoded`;
}

function epochLine({ epoch, trainLoss, evaluation, learningRate }: EpochSummary, seconds: number): string {
  const measures = evaluation ? measuresOf(evaluation) : [];
  return [
    `epoch ${epoch}`,
    `loss ${trainLoss.toFixed(3)}`,
    ...measures.map(({ title, percent }) => `${title} ${percent.toFixed(2)} %`),
    `lr ${learningRate.toPrecision(3)}`,
    formatDuration(seconds),
  ].join("  ");
}

function summary(
  { output, labels, validation, exifOrientation }: RequestedSettings,
  { epochs, rejected, oriented, images, seconds, waiting, exchanging }: TrainingResult,
): string[] {
  const last = epochs[epochs.length - 1];
  const lines = [`${output}: ${formatNumberOf(epochs.length, "epoch")} with labels ${labels}`];
  if (last.evaluation) {
    const best = epochs.reduce((best, epoch) => scoreOf(epoch) > scoreOf(best) ? epoch : best);
    const measures = measuresOf(last.evaluation).map(({ title, percent }) => `${percent.toFixed(2)} % ${title}`);
    lines.push(
      `  accuracy  ${measures.join(", ")} on ${validation}; best ${
        scoreOf(best).toFixed(2)
      } % after epoch ${best.epoch}`,
    );
  }
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const exchange = exchanging === undefined ? "" : `, exchanging gradients ${percent(exchanging)}`;
  const speed = images === 0
    ? "nothing was left to do"
    : `${formatDuration(seconds)}, ${(images / seconds).toFixed(1)} images/s, waiting for data ${percent(waiting)}` +
      exchange;
  lines.push(`  loss      ${last.trainLoss.toFixed(4)}`);
  lines.push(`  time      ${speed}`);
  if (rejected > 0) {
    lines.push(`  rejected  ${formatNumberOf(rejected, "image")}, listed in ${join(output, "rejected.jsonl")}`);
  }
  lines.push(...orientationLine(oriented, exifOrientation));
  lines.push(`  weights   ${join(output, "model.safetensors")}`);
  return lines;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runOnRanks(args, { ...TRAIN, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
