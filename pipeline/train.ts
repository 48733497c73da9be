/**
 * `deno task train`: a classifier from images, with the labels of a data set or with localized multi-labels.
 *
 * @module
 */

import { join } from "@std/path";
import { runMiniature } from "./miniature/miniature.ts";
import { formatCount, formatDuration, formatNumberOf, formatSize } from "./numbers.ts";
import type { Progress } from "./progress.ts";
import { runCommand } from "./run_command.ts";
import { withSignals } from "./signals.ts";
import { readTrainOptions, TRAIN_HELP, type TrainCommand } from "./train_options.ts";
import type { TrainingOptions } from "./training/options.ts";
import { trainingLine } from "./training/progress_line.ts";
import { runTraining, type RunWatch, type TrainingStart } from "./training/run_training.ts";
import type { EpochSummary } from "./training/summary_file.ts";
import type { TrainingResult } from "./training/train.ts";

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly; 130 or 143 after SIGINT or SIGTERM.
 */
export function runTrain(args: readonly string[]): Promise<number> {
  return runCommand(args, {
    read: readTrainOptions,
    help: TRAIN_HELP,
    run: (command, progress) => "options" in command ? run(command, progress) : runMiniature(command, progress),
  });
}

async function run({ options, quiet }: TrainCommand, progress: Progress): Promise<number> {
  const { result, code } = await withSignals((signal) =>
    runTraining(options, { signal, ...(quiet ? { onWarning: progress.print } : watchOf(options, progress)) })
  );
  progress.end();
  if (result === undefined || result.stopped) {
    const where = result === undefined
      ? "before its first step"
      : `after step ${result.position.step} of epoch ${result.position.epoch}`;
    console.error(`Stopped ${where}: the same command goes on in "${options.output}"`);
    return code;
  }
  if (!quiet) console.log(summary(options, result).join("\n"));
  return 0;
}

/** What the training tells on its way. */
function watchOf(options: TrainingOptions, progress: Progress): Omit<RunWatch, "signal"> {
  let started = performance.now();
  return {
    onDownload: progress.download,
    onWarning: progress.print,
    onImage: (done, total) => progress.show(decodingLine(done, total), done === total),
    onStart(start) {
      progress.print(describeRun(options, start));
      start.data.remarks.forEach(progress.print);
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
  { network, size, labels, epochs, batch, accumulate }: TrainingOptions,
  { data: { images, used, classes }, device, bytes }: TrainingStart,
): string {
  const { arena, constants, states, textures } = bytes;
  const megabytes = Math.round((arena + constants + states + textures) / 1e6);
  const updates = accumulate === 1 ? "" : `, ${accumulate} batches an update`;
  return `${formatNumberOf(used.length, "image")} in ${images.description}; ` +
    `${network} at ${formatSize(size)} with ${formatNumberOf(classes, "class", "classes")}, labels ${labels}, ` +
    `${formatNumberOf(epochs, "epoch")}, batch ${batch}${updates}; ` +
    `${formatCount(megabytes)} MB on ${device.capabilities.adapter}`;
}

function decodingLine(done: number, total: number): string {
  return `${formatCount(done)}/${formatCount(total)} images decoded`;
}

function epochLine({ epoch, trainLoss, evaluation, learningRate }: EpochSummary, seconds: number): string {
  const accuracy = evaluation ? [`top-1 ${evaluation.top1.toFixed(2)} %`, `top-5 ${evaluation.top5.toFixed(2)} %`] : [];
  return [
    `epoch ${epoch}`,
    `loss ${trainLoss.toFixed(3)}`,
    ...accuracy,
    `lr ${learningRate.toPrecision(3)}`,
    formatDuration(seconds),
  ].join("  ");
}

function summary(
  { output, labels, validation }: TrainingOptions,
  { epochs, rejected, images, seconds, waiting }: TrainingResult,
): string[] {
  const last = epochs[epochs.length - 1];
  const lines = [`${output}: ${formatNumberOf(epochs.length, "epoch")} with labels ${labels}`];
  if (last.evaluation) {
    const accuracy = ({ evaluation }: EpochSummary) => evaluation?.top1 ?? -1;
    const best = epochs.reduce((best, epoch) => accuracy(epoch) > accuracy(best) ? epoch : best);
    lines.push(
      `  accuracy  ${last.evaluation.top1.toFixed(2)} % top-1, ${
        last.evaluation.top5.toFixed(2)
      } % top-5 on ${validation}; ` +
        `best ${accuracy(best).toFixed(2)} % after epoch ${best.epoch}`,
    );
  }
  const speed = images === 0
    ? "nothing was left to do"
    : `${formatDuration(seconds)}, ${(images / seconds).toFixed(1)} images/s, waiting for data ${
      Math.round(100 * waiting)
    } %`;
  lines.push(`  loss      ${last.trainLoss.toFixed(4)}`);
  lines.push(`  time      ${speed}`);
  if (rejected > 0) {
    lines.push(`  rejected  ${formatNumberOf(rejected, "image")}, listed in ${join(output, "rejected.jsonl")}`);
  }
  lines.push(`  weights   ${join(output, "model.safetensors")}`);
  return lines;
}

if (import.meta.main) Deno.exit(await runTrain(Deno.args));
