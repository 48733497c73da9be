/**
 * The training loop: batches to the device in order, losses back every so often, a checkpoint from time to time and after
 * each epoch.
 *
 * A training depends on its options and its data alone: one that was stopped anywhere, and goes on from its checkpoint,
 * ends with the bits of an uninterrupted one.
 *
 * Several ranks take the same steps, each with its share of the batch. What one of them alone knows (a signal, the time, an
 * image that cannot be read) is agreed on before it changes what is done next, so that all make the same exchanges in
 * the same order.
 *
 * @module
 */

import { join } from "@std/path";
import { createEventFile } from "../../formats/tensorboard/event_file.ts";
import { broadcastValue, onAnyRank, together } from "../command/shared_work.ts";
import { isAbort, unlessAborted } from "../command/until_aborted.ts";
import { beginCourse, type Course, finishEpoch, finishReading, resultOf, saveCourse, startReading } from "./course.ts";
import { loadBatches, type LoadedBatch } from "./loader.ts";
import { trainingOrder } from "./order.ts";
import { shareState } from "./share_state.ts";
import type { Training, TrainingResult, TrainingWatch } from "./training_parts.ts";
import { decisiveSettings, type TrainingSettings } from "./settings.ts";
import { openTrainingLog, type TrainingLog } from "./training_log.ts";
import { closing } from "../../formats/base/closing.ts";

/** Steps whose losses are read together, since each reading waits for the device; fewer where their images are large. */
const STEPS_A_READING = 50;

/** Steps of a process after which LabelPooling's share is measured. */
const STEPS_BEFORE_MEASURING = 10;

/** Bytes of images that steps which have not been read may have: what is uploaded is in memory until its step is done. */
const BYTES_A_READING = 2 ** 28;

/** Batches that are read ahead. */
const AHEAD = 2;

/**
 * Trains to the last epoch, from the beginning or from the run's checkpoint.
 *
 * @param training What is trained on what.
 * @param watch A signal, and whom to tell.
 * @returns What was done.
 * @throws {RangeError} If there are fewer images than a batch takes, or a loss is not finite, or a gradient in 32 bits: the
 *   message names the step and its images, and the file with the state.
 * @throws {Error} If data cannot be read, a checkpoint not be written, or ranks have other weights than rank 0.
 * @throws {SharedFailure} Instead, where there are several ranks.
 * @throws {unknown} The signal's reason, if that came before the first step.
 */
export async function train<Batch>(training: Training<Batch>, watch: TrainingWatch = {}): Promise<TrainingResult> {
  const { options, data, run, device, ranks } = training;
  const { batch, accumulate, seed, steps } = options;
  const { order, events, log } = await together(ranks, () => {
    const order = trainingOrder({ images: data.used.length, batch, accumulate, seed, updates: steps });
    if (run?.checkpoint) device.load(run.checkpoint.state);
    const { epoch, step } = run?.checkpoint?.position ?? { epoch: 0, step: 0 };
    const globalStep = epoch * order.steps + step;
    const log = run && openLog(options, { epoch, globalStep });
    return { order, events: run && createEventFile(join(run.path, "tensorboard"), globalStep), log };
  });
  using _events = events && closing(events);
  using _log = log && closing(log);
  const saved = await broadcastValue(ranks, run?.checkpoint?.position);
  if (ranks) {
    const state = await device.state();
    await shareState(ranks, state);
    device.load(state);
  }
  const result = await runSteps(beginCourse(training, watch, { order, saved, events, log }));
  if (!result.stopped) log?.end();
  return result;
}

/** The log of a training, if one is wanted. */
function openLog(options: TrainingSettings, start: { epoch: number; globalStep: number }): TrainingLog | undefined {
  const { log, logEvery, output } = options;
  if (log === undefined) return undefined;
  return openTrainingLog({ path: log, run: output, settings: decisiveSettings(options), every: logEvery, start });
}

async function runSteps<Batch>(course: Course<Batch>): Promise<TrainingResult> {
  const { training, watch: { signal }, order, clock, share, position: start } = course;
  const { options: { batch, accumulate, epochs }, data, batchOf, rejections, ranks } = training;
  const batches = loadBatches({ data, order, batch, share, epochs, start, ahead: AHEAD, onRejected: rejections.add });
  const nextBatch = async (breaking?: AbortSignal) => {
    const next = await unlessAborted(batches.next(), breaking);
    return next.done ? undefined : { loaded: next.value, given: batchOf(next.value) };
  };
  const takeStep = stepTaker(course);
  try {
    // A signal broke off its validation.
    if (start.step === order.stepsIn(start.epoch)) await finishEpoch(course, start.epoch);
    while (true) {
      // What is between the batches of an update is in no checkpoint.
      const breaking = ranks || course.position.step % accumulate > 0 ? undefined : signal;
      const next = await clock.waitFor(together(ranks, () => nextBatch(breaking)));
      if (!next) return resultOf(course, false);
      const isStopped = await takeStep(next.loaded, next.given, breaking);
      if (isStopped && course.saved === course.position && course.position.epoch < epochs) {
        await batches.return(undefined);
        return resultOf(course, true);
      }
      // Signals arrive between tasks only.
      await new Promise((resolve) => setTimeout(resolve));
    }
  } catch (error) {
    const isBegun = course.saved !== undefined || course.position !== start;
    if (!isAbort(error, signal) || !isBegun) throw error;
    // Of what comes after the position nothing is done. A batch that is being loaded is left to itself.
    batches.return(undefined).catch(() => {});
    if (course.reading) await finishReading(course, course.reading);
    if (course.saved !== course.position) await saveCourse(course);
    return resultOf(course, course.position.epoch < epochs);
  }
}

/**
 * Makes what does a step, and after it what is due: losses are read, a checkpoint is written, an epoch is finished.
 *
 * @param course The training.
 * @returns A function that takes a batch as it was loaded and as the device takes it, and a signal that breaks it off; it
 *   says whether a signal has reached any rank.
 */
function stepTaker<Batch>(course: Course<Batch>) {
  const { training: { options, device, run, ranks }, watch: { signal }, order } = course;
  const { accumulate, saveMinutes } = options;
  let isReadingDue = false;
  let done = 0;
  return async ({ epoch, step, indices, images, release }: LoadedBatch, given: Batch, breaking?: AbortSignal) => {
    const bytes = images.reduce((sum, { pixels }) => sum + pixels.length, 0);
    if (isReadingDue) course.reading = startReading(course);
    course.learningRate = course.rateOf(epoch, step);
    await device.step(given, course.learningRate, breaking);
    release();
    course.unread.push({ epoch, step, indices, bytes });
    if (course.reading) await finishReading(course, course.reading);
    course.reading = undefined;
    if (++done === STEPS_BEFORE_MEASURING * accumulate && (step + 1) % accumulate === 0) {
      await finishReading(course);
      if (run) course.pooling = await device.poolingShare();
    }
    course.position = { epoch, step: step + 1, lossSum: course.lossSum };
    const queued = course.unread.reduce((sum, { bytes }) => sum + bytes, bytes);
    const [isStopped, isSaveDue, isFull] = await onAnyRank(ranks, [
      signal?.aborted === true,
      performance.now() - course.lastSave > saveMinutes * 60_000,
      course.unread.length >= STEPS_A_READING || queued > BYTES_A_READING,
    ]);
    if (step + 1 === order.stepsIn(epoch)) await finishEpoch(course, epoch);
    else if ((isStopped || isSaveDue) && (step + 1) % accumulate === 0) await saveCourse(course);
    isReadingDue = isFull && course.unread.length > 0;
    return isStopped;
  };
}
