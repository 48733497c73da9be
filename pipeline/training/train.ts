/**
 * The training loop: batches to the device in order, losses back every so often, a checkpoint from time to time and after
 * each epoch.
 *
 * A training depends on its options and its data alone: one that was stopped anywhere, and goes on from its checkpoint,
 * ends with the bits of an uninterrupted one.
 *
 * @module
 */

import { join } from "@std/path";
import { createEventFile, type EventFile } from "../../formats/tensorboard/event_file.ts";
import { formatCount } from "../numbers.ts";
import type { Checkpoint, Position, TrainingState } from "./checkpoint.ts";
import type { TrainingData } from "./data_set.ts";
import { learningRates } from "./learning_rate.ts";
import { loadBatches, type LoadedBatch } from "./loader.ts";
import type { TrainingOptions } from "./options.ts";
import { type Order, trainingOrder } from "./order.ts";
import type { RunFolder } from "./run_folder.ts";
import type { EpochSummary, Evaluation } from "./summary_file.ts";

/** A network in training on a device, as `kernels/training` has it. */
export interface TrainingDevice<Batch> {
  /** Uploads a batch and starts its step; nothing is read. */
  step(batch: Batch, learningRate: number): void;
  /**
   * The losses of the steps since the last call, at most 256, in order; and how many updates were skipped so far,
   * and have been done since.
   */
  read(): Promise<{
    readonly losses: Float32Array;
    readonly control: { readonly skippedSteps: number; readonly goodSteps: number };
  }>;
  /** All that is to be kept of it. */
  state(): Promise<TrainingState>;
  /** Goes on from a state, bit for bit. */
  load(state: TrainingState): void;
  /** The share of a step that LabelPooling takes, where that can be measured; to be asked between two updates. */
  poolingShare(): Promise<number | undefined>;
}

/** What a training is made of. */
export interface Training<Batch> {
  readonly options: TrainingOptions;
  readonly data: Pick<TrainingData, "images" | "used" | "labels" | "maps" | "masks" | "fingerprint">;
  readonly device: TrainingDevice<Batch>;
  /** What the device is given of a loaded batch. */
  batchOf(loaded: LoadedBatch): Batch;
  /** How good a state is on the validation images. */
  evaluate?(state: TrainingState): Promise<Evaluation>;
  readonly run: RunFolder;
  /** What computes: the program's version, and the adapter. */
  readonly engine: string;
}

/** Who watches a training. */
export interface TrainingWatch {
  /** Stops it, after a checkpoint. */
  readonly signal?: AbortSignal;
  /** Told whenever losses were read. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (summary: EpochSummary) => void;
}

/** How far a training is. */
export interface TrainingProgress {
  readonly epoch: number;
  /** Steps of the epoch that are done, and all of them. */
  readonly step: number;
  readonly steps: number;
  /** Images of all steps that are to be done. */
  readonly imagesLeft: number;
  /** Mean of the losses that were read last. */
  readonly loss: number;
  readonly learningRate: number;
  /** Since the last time. */
  readonly imagesPerSecond: number;
  /** Share of the time, since the last time, that was spent waiting for a batch. */
  readonly waiting: number;
  /** Share of the device's time in a step that LabelPooling takes, measured once. */
  readonly pooling?: number;
}

/** What became of a training. */
export interface TrainingResult {
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  readonly position: Position;
  readonly epochs: readonly EpochSummary[];
  /** Images that cannot be decoded, as far as they were to be. */
  readonly rejected: number;
  /** Images of this process's steps, and its seconds. */
  readonly images: number;
  readonly seconds: number;
  /** Share of the seconds that was spent waiting for a batch. */
  readonly waiting: number;
}

/** Steps whose losses are read together, since each reading waits for the device; fewer where their images are large. */
const STEPS_A_READING = 50;

/** Steps of a process after which LabelPooling's share is measured. */
const STEPS_BEFORE_MEASURING = 10;

/** Bytes of images that steps which have not been read may have: what is uploaded is in memory until its step is done. */
const BYTES_A_READING = 2 ** 28;

/** Images that a message names. */
const SHOWN_KEYS = 3;

/** Batches that are read ahead. */
const AHEAD = 2;

/** A step whose loss has not been read. */
interface Unread extends Pick<LoadedBatch, "epoch" | "step" | "keys"> {
  /** Of its images. */
  readonly bytes: number;
}

/**
 * Trains to the last epoch, from the beginning or from the run's checkpoint.
 *
 * @param training What is trained on what.
 * @param watch A signal, and whom to tell.
 * @returns What was done.
 * @throws {RangeError} If there are fewer images than a batch takes, or a loss is not finite, or a gradient in 32 bits: the
 *   message names the step and its images, and the file with the state.
 * @throws {Error} If data cannot be read or a checkpoint not be written.
 */
export async function train<Batch>(training: Training<Batch>, watch: TrainingWatch = {}): Promise<TrainingResult> {
  const { options, data, run, device } = training;
  const { batch, accumulate, seed } = options;
  const order = trainingOrder({ images: data.used.length, batch, accumulate, seed });
  const start = run.checkpoint?.position ?? { epoch: 0, step: 0, lossSum: 0 };
  if (run.checkpoint) device.load(run.checkpoint.state);
  const events = createEventFile(join(run.path, "tensorboard"), start.epoch * order.steps + start.step);
  try {
    return await runSteps(training, watch, { order, start, events });
  } finally {
    events.close();
  }
}

async function runSteps<Batch>(
  { options, data, device, batchOf, evaluate, run, engine }: Training<Batch>,
  { signal, onProgress, onEpoch }: TrainingWatch,
  { order, start, events }: { order: Order; start: Position; events: EventFile },
): Promise<TrainingResult> {
  const { batch, accumulate, epochs, saveMinutes, validateEvery, half } = options;
  const { steps } = order;
  const rateAt = learningRates(options, steps / accumulate);
  const batches = loadBatches({ data, order, batch, epochs, start, ahead: AHEAD, onRejected: run.reject });
  const engines = [...new Set([...run.checkpoint?.engines ?? [], engine])];
  const clock = stopwatch(batch);
  let { lossSum } = start;
  let position: Position = start;
  /** Where the checkpoint is. */
  let saved = run.checkpoint && start;
  let learningRate = 0;
  let unread: Unread[] = [];
  let lastSave = performance.now();
  let done = 0;
  let pooling: number | undefined;

  /** Asks for the losses of the steps so far; what is started after this is not waited for. */
  function startReading() {
    const reading = { report: device.read(), of: unread };
    unread = [];
    return reading;
  }

  async function finishReading(reading: ReturnType<typeof startReading>): Promise<void> {
    if (reading.of.length === 0) return;
    const { losses, control } = await reading.report;
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) throw await failure([reading.of[bad]], (steps) => `the loss of ${steps} is ${losses[bad]}`);
    // In 16 bits gradients overflow from time to time, and the loss's scale is lowered.
    if (!half && control.skippedSteps > 0) {
      const updates = Math.floor((reading.of[reading.of.length - 1].step + 1) / accumulate);
      const skipped = updates - 1 - control.goodSteps;
      const of = reading.of.filter(({ step }) => Math.floor(step / accumulate) === skipped);
      throw await failure(of, (steps) => `the gradient of ${steps} is not finite`);
    }
    const sum = losses.reduce((sum, loss) => sum + loss, 0);
    // One by one, so that the bits do not depend on how many were read together.
    for (const loss of losses) lossSum += loss;
    const { epoch, step } = reading.of[reading.of.length - 1];
    const loss = sum / losses.length;
    events.write(epoch * steps + step, { "train/loss": loss, "train/learning rate": learningRate });
    const speed = clock.lap(losses.length);
    const imagesLeft = ((epochs - epoch) * steps - step - 1) * batch;
    onProgress?.({ epoch, step: step + 1, steps, imagesLeft, loss, learningRate, ...speed, pooling });
  }

  /** Keeps the state, and says what went wrong at the steps of an update. */
  async function failure(of: readonly Unread[], describe: (steps: string) => string): Promise<RangeError> {
    const { epoch, step } = of[of.length - 1];
    const keys = of.flatMap(({ keys }) => keys);
    const which = of.length === 1 ? `step ${step}` : `steps ${of[0].step} to ${step}`;
    const reason = describe(`${which} of epoch ${epoch}`);
    const file = run.saveFailed(await stateNow(), { failed: JSON.stringify({ epoch, step, reason, keys }) });
    const shown = keys.slice(0, SHOWN_KEYS).join(", ");
    const more = keys.length > SHOWN_KEYS ? ` and ${formatCount(keys.length - SHOWN_KEYS)} more` : "";
    return new RangeError(
      `Cannot go on training: ${reason}, of the images ${shown}${more}; all of them and the state are in "${file}"`,
    );
  }

  async function stateNow(): Promise<Checkpoint> {
    return { state: await device.state(), position, data: data.fingerprint, engines };
  }

  async function save(): Promise<void> {
    await finishReading(startReading());
    position = { ...position, lossSum };
    run.save(await stateNow());
    saved = position;
    lastSave = performance.now();
  }

  async function finishEpoch(epoch: number): Promise<void> {
    await finishReading(startReading());
    const state = await device.state();
    const isValidated = (epoch + 1) % validateEvery === 0 || epoch + 1 === epochs;
    const evaluation = isValidated ? await evaluate?.(state) : undefined;
    const summary: EpochSummary = {
      epoch,
      trainLoss: lossSum / steps,
      ...(evaluation ? { evaluation } : {}),
      learningRate,
    };
    run.finishEpoch(summary, state);
    lossSum = 0;
    position = { epoch: epoch + 1, step: 0, lossSum };
    run.save({ state, position, data: data.fingerprint, engines });
    saved = position;
    lastSave = performance.now();
    if (evaluation) {
      const { loss, top1, top5 } = evaluation;
      events.write((epoch + 1) * steps - 1, { "eval/loss": loss, "eval/top1": top1, "eval/top5": top5 });
    }
    onEpoch?.(summary);
    clock.restart();
  }

  const result = (stopped: boolean) => {
    const { epochs, rejected } = run;
    return { stopped, position, epochs, rejected, ...clock.total() };
  };
  while (true) {
    const next = await clock.waitFor(batches.next());
    if (next.done) return result(false);
    const loaded = next.value;
    const { epoch, step, keys, images } = loaded;
    const bytes = images.reduce((sum, { pixels }) => sum + pixels.length, 0);
    const queued = unread.reduce((sum, { bytes }) => sum + bytes, bytes);
    const reading = unread.length >= STEPS_A_READING || queued > BYTES_A_READING ? startReading() : undefined;
    learningRate = rateAt(Math.floor((epoch * steps + step) / accumulate));
    device.step(batchOf(loaded), learningRate);
    loaded.release();
    unread.push({ epoch, step, keys, bytes });
    if (reading) await finishReading(reading);
    if (++done === STEPS_BEFORE_MEASURING * accumulate && (step + 1) % accumulate === 0) {
      await finishReading(startReading());
      pooling = await device.poolingShare();
    }
    position = { epoch, step: step + 1, lossSum };
    const isDue = signal?.aborted || performance.now() - lastSave > saveMinutes * 60_000;
    if (step + 1 === steps) await finishEpoch(epoch);
    else if (isDue && (step + 1) % accumulate === 0) await save();
    if (signal?.aborted && saved === position && position.epoch < epochs) {
      await batches.return(undefined);
      return result(true);
    }
    // Signals arrive between tasks only.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Measures a loop that takes batches. */
function stopwatch(batch: number) {
  const start = performance.now();
  const all = { images: 0, waited: 0 };
  let lap = { start, waited: 0 };
  return {
    /** Waits for something, and counts how long. */
    async waitFor<Value>(promise: Promise<Value>): Promise<Value> {
      const start = performance.now();
      const value = await promise;
      const waited = performance.now() - start;
      all.waited += waited;
      lap.waited += waited;
      return value;
    },
    /** Ends a lap of some steps. */
    lap(steps: number): Pick<TrainingProgress, "imagesPerSecond" | "waiting"> {
      const now = performance.now();
      const elapsed = Math.max(now - lap.start, 1e-3);
      const { waited } = lap;
      lap = { start: now, waited: 0 };
      all.images += steps * batch;
      return { imagesPerSecond: steps * batch / elapsed * 1000, waiting: waited / elapsed };
    },
    /** Begins a lap, so that what was done since the last one is of none. */
    restart(): void {
      lap = { start: performance.now(), waited: 0 };
    },
    total(): Pick<TrainingResult, "images" | "seconds" | "waiting"> {
      const elapsed = performance.now() - start;
      return { images: all.images, seconds: elapsed / 1000, waiting: all.waited / Math.max(elapsed, 1e-3) };
    },
  };
}
