/**
 * The course of a training between two of its steps: losses that are still to be read, and what is kept and told.
 *
 * @module
 */

import type { EventFile } from "../../formats/tensorboard/event_file.ts";
import { formatCount } from "../command/numbers.ts";
import { joinNumbers, shareOf, together } from "../command/shared_work.ts";
import type { Checkpoint, Position } from "./checkpoint.ts";
import { learningRates } from "./learning_rate.ts";
import type { LoadedBatch } from "./loader.ts";
import type { Order } from "./order.ts";
import type { TrainingLog } from "./training_log.ts";
import { startStopwatch, type Stopwatch } from "./stopwatch.ts";
import { type EpochSummary, measuresOf } from "./summary_file.ts";
import type { Training, TrainingDevice, TrainingResult, TrainingWatch } from "./training_parts.ts";

/** Images that a message names. */
const SHOWN_KEYS = 3;

/** A step whose loss has not been read. */
export interface UnreadStep extends Pick<LoadedBatch, "epoch" | "step" | "indices"> {
  /** Bytes of its images. */
  readonly bytes: number;
}

/** Losses that the device has been asked for. */
export interface LossReading {
  readonly report: ReturnType<TrainingDevice<unknown>["read"]>;
  readonly checksum: Promise<number> | undefined;
  readonly of: readonly UnreadStep[];
}

/** A training that is under way. */
export interface Course<Batch> {
  readonly training: Training<Batch>;
  readonly watch: TrainingWatch;
  readonly order: Order;
  readonly events?: EventFile;
  readonly log?: TrainingLog;
  readonly clock: Stopwatch;
  /** The part of each batch that is this rank's. */
  readonly share: ReturnType<typeof shareOf>;
  /** What has computed it so far, this process included. */
  readonly engines: readonly string[];
  /** The learning rate of a step. */
  rateOf(epoch: number, step: number): number;
  /** Sum of the losses of the epoch's steps that were read. */
  lossSum: number;
  position: Position;
  /** Where the checkpoint is; undefined if there is none. */
  saved?: Position;
  /** When the checkpoint was written, milliseconds. */
  lastSave: number;
  /** Learning rate of the last step. */
  learningRate: number;
  unread: UnreadStep[];
  /** Losses that are being read. */
  reading?: LossReading;
  /** Share of a step that LabelPooling takes, once it was measured. */
  pooling?: number;
}

/**
 * Begins or goes on.
 *
 * @param training What is trained on what.
 * @param watch A signal, and whom to tell.
 * @param options The order of the images; where to go on, undefined at the beginning; where events and
 * lines of the log are written.
 * @returns The course.
 */
export function beginCourse<Batch>(
  training: Training<Batch>,
  watch: TrainingWatch,
  { order, saved, events, log }: { order: Order; saved?: Position; events?: EventFile; log?: TrainingLog },
): Course<Batch> {
  const { options: { batch, accumulate }, device, ranks, run, engine } = training;
  const rateAt = learningRates(training.options, order.steps / accumulate);
  const position = saved ?? { epoch: 0, step: 0, lossSum: 0 };
  return {
    training,
    watch,
    order,
    events,
    log,
    clock: startStopwatch(batch, ranks && device),
    share: shareOf(ranks, batch),
    engines: [...new Set([...run?.checkpoint?.engines ?? [], engine])],
    rateOf: (epoch, step) => rateAt(Math.floor((epoch * order.steps + step) / accumulate)),
    lossSum: position.lossSum,
    position,
    saved,
    lastSave: performance.now(),
    learningRate: 0,
    unread: [],
  };
}

/** Asks for the losses of the steps so far; what is started after this is not waited for. */
export function startReading<Batch>(course: Course<Batch>): LossReading {
  const { device, ranks } = course.training;
  const reading = { report: device.read(), checksum: ranks && device.checksum(), of: course.unread };
  course.unread = [];
  return reading;
}

/**
 * Waits for losses, and writes and tells them.
 *
 * @param course The course.
 * @param reading Which; default those of all steps so far.
 * @throws {RangeError} If one is not finite, or in 32 bits a gradient.
 * @throws {Error} If ranks have other weights than rank 0.
 */
export async function finishReading<Batch>(course: Course<Batch>, reading = startReading(course)): Promise<void> {
  const { ranks, rejections } = course.training;
  if (reading.of.length === 0) return;
  const report = await reading.report;
  let losses: Float32Array | Float64Array = report.losses;
  if (ranks) {
    // Means over the ranks, whose shares of a batch are equal.
    const sums = Float64Array.from(losses);
    await ranks.sum(sums);
    losses = sums.map((sum) => sum / ranks.size);
  }
  const checksums = ranks && await joinNumbers(ranks, ranks.size, [[ranks.rank, (await reading.checksum)!]]);
  await rejections.share();
  await together(ranks, async () => {
    if (checksums) checkRanks(reading.of, checksums);
    await checkLosses(course, reading.of, losses, report.control);
    tellLosses(course, reading.of, losses);
  });
}

function checkRanks(of: readonly UnreadStep[], checksums: Float64Array): void {
  const { epoch, step } = of[of.length - 1];
  const other = checksums.findIndex((checksum) => checksum !== checksums[0]);
  if (other > 0) {
    throw new Error(
      `Cannot go on training: after step ${step} of epoch ${epoch} the weights of rank ${other} are not those of rank 0`,
    );
  }
}

/** Ends the training at a loss or gradient that is not finite. */
async function checkLosses<Batch>(
  course: Course<Batch>,
  of: readonly UnreadStep[],
  losses: Float32Array | Float64Array,
  control: { readonly skippedSteps: number; readonly goodSteps: number },
): Promise<void> {
  const { accumulate, half } = course.training.options;
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) throw await failureAt(course, [of[bad]], (steps) => `the loss of ${steps} is ${losses[bad]}`);
  // In 16 bits gradients overflow from time to time, and the loss's scale is lowered.
  if (!half && control.skippedSteps > 0) {
    const { step } = of[of.length - 1];
    const skipped = Math.floor((step + 1) / accumulate) - 1 - control.goodSteps;
    const ofUpdate = of.filter(({ step }) => Math.floor(step / accumulate) === skipped);
    throw await failureAt(course, ofUpdate, (steps) => `the gradient of ${steps} is not finite`);
  }
}

/** Keeps the state, and says what went wrong at the steps of an update, which is all ranks' failure. */
async function failureAt<Batch>(
  course: Course<Batch>,
  of: readonly UnreadStep[],
  describe: (steps: string) => string,
): Promise<RangeError> {
  const { epoch, step } = of[of.length - 1];
  const keys = await keysOf(course, of);
  const which = of.length === 1 ? `step ${step}` : `steps ${of[0].step} to ${step}`;
  const reason = describe(`${which} of epoch ${epoch}`);
  const failed = JSON.stringify({ epoch, step, reason, keys });
  const file = course.training.run?.saveFailed(await stateNow(course), { failed });
  const shown = keys.slice(0, SHOWN_KEYS).join(", ");
  const more = keys.length > SHOWN_KEYS ? ` and ${formatCount(keys.length - SHOWN_KEYS)} more` : "";
  return new RangeError(
    `Cannot go on training: ${reason}, of the images ${shown}${more}; all of them and the state are in "${file}"`,
  );
}

/** The keys of all images of some steps, in order, also of those that other ranks took. */
async function keysOf<Batch>({ training, share }: Course<Batch>, of: readonly UnreadStep[]): Promise<string[]> {
  const { options: { batch }, data, ranks } = training;
  const own = of.flatMap(({ indices }, at) =>
    Array.from(indices, (index, place) => [at * batch + share.start + place, index] as const)
  );
  const all = await joinNumbers(ranks, of.length * batch, own);
  return Array.from(all, (index) => data.images.keys[index]);
}

function tellLosses<Batch>(
  course: Course<Batch>,
  of: readonly UnreadStep[],
  losses: Float32Array | Float64Array,
): void {
  const { training: { options: { batch, epochs } }, order, events, log, learningRate, pooling } = course;
  const { epoch, step } = of[of.length - 1];
  let sum = 0;
  for (const [at, loss] of losses.entries()) {
    sum += loss;
    // One by one, so that the bits do not depend on how many were read together.
    course.lossSum += loss;
    const { epoch, step } = of[at];
    log?.step({
      epoch,
      step,
      globalStep: epoch * order.steps + step,
      loss,
      meanLoss: course.lossSum / (step + 1),
      learningRate: course.rateOf(epoch, step),
    });
  }
  const loss = sum / losses.length;
  events?.write(epoch * order.steps + step, { "train/loss": loss, "train/learning rate": learningRate });
  const speed = course.clock.lap(losses.length);
  const steps = order.stepsIn(epoch);
  const stepsLeft = (epochs - 1 - epoch) * order.steps + order.stepsIn(epochs - 1) - step - 1;
  const imagesLeft = stepsLeft * batch;
  course.watch.onProgress?.({ epoch, step: step + 1, steps, imagesLeft, loss, learningRate, ...speed, pooling });
}

async function stateNow<Batch>({ training, position, engines }: Course<Batch>): Promise<Checkpoint> {
  return { state: await training.device.state(), position, data: training.data.fingerprint, engines };
}

/** Reads all losses, and writes a checkpoint of where the training is. */
export async function saveCourse<Batch>(course: Course<Batch>): Promise<void> {
  const { ranks, run } = course.training;
  if (course.unread.length > 0) await finishReading(course);
  course.position = { ...course.position, lossSum: course.lossSum };
  await together(ranks, async () => {
    course.log?.sync();
    run?.save(await stateNow(course));
  });
  noteSave(course);
}

function noteSave<Batch>(course: Course<Batch>): void {
  course.saved = course.position;
  course.lastSave = performance.now();
}

/** Ends an epoch: validation, where it is due, the summary, and a checkpoint. */
export async function finishEpoch<Batch>(course: Course<Batch>, epoch: number): Promise<void> {
  const { training, order, engines, events, log } = course;
  const { options: { epochs, validateEvery }, data, device, evaluate, run, rejections, ranks } = training;
  const steps = order.stepsIn(epoch);
  await finishReading(course);
  const state = await device.state();
  const isValidated = (epoch + 1) % validateEvery === 0 || epoch + 1 === epochs;
  const evaluation = isValidated ? await evaluate?.(state, ranks ? undefined : course.watch.signal) : undefined;
  await rejections.share();
  const summary: EpochSummary = {
    epoch,
    trainLoss: course.lossSum / steps,
    ...(evaluation ? { evaluation } : {}),
    learningRate: course.rateOf(epoch, steps - 1),
  };
  course.lossSum = 0;
  const position = { epoch: epoch + 1, step: 0, lossSum: 0 };
  course.position = position;
  await together(ranks, () => {
    run?.finishEpoch(summary, state);
    log?.epoch(summary, epoch * order.steps + steps - 1);
    log?.sync();
    run?.save({ state, position, data: data.fingerprint, engines });
    if (!evaluation) return;
    const measures = measuresOf(evaluation).map(({ name, percent }) => [`eval/${name}`, percent]);
    events?.write(epoch * order.steps + steps - 1, { "eval/loss": evaluation.loss, ...Object.fromEntries(measures) });
  });
  noteSave(course);
  course.watch.onEpoch?.(summary);
  course.clock.restart();
}

/** What became of the training so far; `stopped` says whether the signal ended it early. */
export function resultOf<Batch>(course: Course<Batch>, stopped: boolean): TrainingResult {
  const { training: { run, data }, position, clock } = course;
  return {
    stopped,
    position,
    epochs: run?.epochs ?? [],
    rejected: run?.rejected ?? 0,
    oriented: data.images.oriented(),
    ...clock.total(),
  };
}
