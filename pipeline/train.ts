/**
 * `deno task train`: a classifier from images, with the labels of a data set or with localized multi-labels.
 *
 * @module
 */

import { join } from "@std/path";
import { openDecodePool } from "../formats/images/mod.ts";
import { closeDevice, type Device } from "../kernels/device.ts";
import type { PlanBytes } from "../kernels/plan.ts";
import { defaultWorkers } from "./label_images.ts";
import type { DownloadWatch } from "./model.ts";
import { formatCount, formatDuration, formatNumberOf, formatSize } from "./numbers.ts";
import type { Progress } from "./progress.ts";
import { openQuietDevice } from "./quiet_device.ts";
import { runCommand } from "./run_command.ts";
import { withSignals } from "./signals.ts";
import { readTrainOptions, TRAIN_HELP, type TrainCommand } from "./train_options.ts";
import { batchMaker } from "./training/batch.ts";
import { openTrainingData, type TrainingData } from "./training/data_set.ts";
import type { ImageStoreOptions } from "./training/image_store.ts";
import type { TrainingOptions } from "./training/options.ts";
import { openRunFolder } from "./training/run_folder.ts";
import { openTeacher, startTrainer } from "./training/start_trainer.ts";
import type { EpochSummary } from "./training/summary_file.ts";
import { train, type TrainingProgress, type TrainingResult } from "./training/train.ts";
import { openValidation } from "./training/validate.ts";

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0; 1 after a failure; 2 if it was used wrongly; 130 or 143 after SIGINT or SIGTERM.
 */
export function runTrain(args: readonly string[]): Promise<number> {
  return runCommand(args, { read: readTrainOptions, help: TRAIN_HELP, run });
}

async function run({ options, quiet }: TrainCommand, progress: Progress): Promise<number> {
  const { result, code } = await withSignals((signal) => runTraining(options, { signal, progress, quiet }));
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

/** Undefined if the signal came before the training began. */
async function runTraining(
  options: TrainingOptions,
  { signal, progress, quiet }: { signal: AbortSignal; progress: Progress; quiet: boolean },
): Promise<TrainingResult | undefined> {
  const watch: DownloadWatch = { onDownload: quiet ? undefined : progress.download, onWarning: progress.print };
  const tell = quiet ? () => {} : progress.print;
  const pool = openDecodePool(options.workers ?? defaultWorkers());
  const close = [pool.close];
  try {
    const store: ImageStoreOptions = {
      pool,
      cache: options.cache,
      signal,
      onImage: quiet ? undefined : (done, total) => progress.show(decodingLine(done, total), done === total),
    };
    const teacher = await openTeacher(options, watch);
    const data = await openTrainingData(options, store, teacher);
    close.push(data.close);
    const { classes, classNames, fingerprint } = data;
    const folder = await openRunFolder({ options, classes, classNames, data: fingerprint });
    close.push(folder.close);
    const device = await openQuietDevice();
    close.push(() => closeDevice(device));
    const { trainer, network } = await startTrainer(device, options, { data, teacher, watch });
    close.push(trainer.close);
    const names = classNames && { name: classNames };
    const validation = await openValidation(device, options, { network, store, classes, classNames: names });
    if (validation) close.push(validation.close);
    tell(describeRun(options, data, { device, bytes: trainer.bytes }));
    data.remarks.forEach(tell);
    if (folder.checkpoint) {
      const { epoch, step } = folder.checkpoint.position;
      tell(`Going on in "${folder.path}" after step ${step} of epoch ${epoch}`);
    }
    const started = performance.now();
    return await train({
      options,
      data,
      run: folder,
      device: trainer,
      batchOf: batchMaker(options, classes),
      evaluate: validation?.evaluate,
    }, {
      signal,
      onProgress: quiet ? undefined : (state) => progress.show(trainingLine(state), false),
      onEpoch: (epoch) => tell(epochLine(epoch, (performance.now() - started) / 1000)),
    });
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    throw error;
  } finally {
    for (const action of close.reverse()) action();
  }
}

function describeRun(
  { network, size, labels, epochs, batch, accumulate }: TrainingOptions,
  { images, used, classes }: TrainingData,
  { device, bytes }: { readonly device: Device; readonly bytes: PlanBytes },
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

/**
 * A training's state as a line.
 *
 * @param progress The state.
 * @returns `epoch 3  step 120/1,251  loss 5.123  lr 0.0989  345 images/s  waiting for data 2 %  12 h 3 min left`.
 */
export function trainingLine(progress: TrainingProgress): string {
  const { epoch, step, steps, imagesLeft, loss, learningRate, imagesPerSecond, waiting } = progress;
  return [
    `epoch ${epoch}`,
    `step ${formatCount(step)}/${formatCount(steps)}`,
    `loss ${loss.toFixed(3)}`,
    `lr ${learningRate.toPrecision(3)}`,
    `${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s`,
    `waiting for data ${Math.round(100 * waiting)} %`,
    `${formatDuration(imagesLeft / imagesPerSecond)} left`,
  ].join("  ");
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
  { epochs, images, seconds, waiting }: TrainingResult,
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
  lines.push(`  weights   ${join(output, "model.safetensors")}`);
  return lines;
}

if (import.meta.main) Deno.exit(await runTrain(Deno.args));
