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
import { createEventFile, type EventFile } from "../../formats/tensorboard/event_file.ts";
import { formatCount } from "../command/numbers.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { broadcastValue, joinNumbers, onAnyRank, shareOf, together } from "../command/ranks.ts";
import type { Checkpoint, Position, TrainingState } from "./checkpoint.ts";
import type { TrainingData } from "./data_set.ts";
import { learningRates } from "./learning_rate.ts";
import { loadBatches, type LoadedBatch } from "./loader.ts";
import type { TrainingOptions } from "./options.ts";
import { type Order, trainingOrder } from "./order.ts";
import type { Rejections } from "./rejections.ts";
import type { RunFolder } from "./run_folder.ts";
import { shareState } from "./share_state.ts";
import type { EpochSummary, Evaluation } from "./summary_file.ts";
import { isAbort, unlessAborted } from "../command/until_aborted.ts";

/** A network in training on a device, as `kernels/programs/training` has it. */
export interface TrainingDevice<Batch> {
  /**
   * Uploads a batch and starts its step; nothing is read but gradients that other ranks are waiting for. The signal breaks
   * it off, with its reason, before anything of it is done.
   */
  step(batch: Batch, learningRate: number, signal?: AbortSignal): Promise<void>;
  /**
   * The losses of this rank's steps since the last call, at most 256, in order; and how many updates were skipped so far,
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
  /** A number of the parameters' bits, 32 bits. */
  checksum(): Promise<number>;
  /** Milliseconds since the last call in which a step only waited for gradients of other ranks. */
  exchangeTime(): { readonly exposed: number };
}

/** What a training is made of. */
export interface Training<Batch> {
  readonly options: TrainingOptions;
  readonly data: Pick<TrainingData, "images" | "used" | "labels" | "maps" | "masks" | "fingerprint">;
  readonly device: TrainingDevice<Batch>;
  /** What the device is given of a loaded batch. */
  batchOf(loaded: LoadedBatch): Batch;
  /** How good a state is on the validation images; of several ranks, that of rank 0. The signal breaks it off. */
  evaluate?(state: TrainingState, signal?: AbortSignal): Promise<Evaluation>;
  /** Where the results go; of several ranks, rank 0 alone has it. */
  readonly run?: RunFolder;
  readonly rejections: Rejections;
  /** This rank and the others, where there are several. */
  readonly ranks?: Communicator;
  /** What computes: the program's version, and the adapter. */
  readonly engine: string;
}

/** Who watches a training. */
export interface TrainingWatch {
  /**
   * Stops it, after a checkpoint. It breaks off waits for images, their preparation, and validation, but not between the
   * batches of an update, nor of several ranks, which all do the same.
   */
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
  /** Since the last time, of all ranks. */
  readonly imagesPerSecond: number;
  /** Share of the time, since the last time, that was spent waiting for a batch, of whatever rank. */
  readonly waiting: number;
  /** Share of that time in which a step only waited for gradients of other ranks, where there are some. */
  readonly exchanging?: number;
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
  /** Images that this process decoded and that carry an EXIF orientation other than 1. */
  readonly oriented: number;
  /** Images of the steps since this process was started, of all ranks, and its seconds. */
  readonly images: number;
  readonly seconds: number;
  /** Share of the seconds that was spent waiting for a batch. */
  readonly waiting: number;
  /** Share of the seconds in which a step only waited for gradients of other ranks, where there are some. */
  readonly exchanging?: number;
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
interface Unread extends Pick<LoadedBatch, "epoch" | "step" | "indices"> {
  /** Bytes of its images. */
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
 * @throws {Error} If data cannot be read, a checkpoint not be written, or ranks have other weights than rank 0.
 * @throws {SharedFailure} Instead, where there are several ranks.
 * @throws {unknown} The signal's reason, if that came before the first step.
 */
export async function train<Batch>(training: Training<Batch>, watch: TrainingWatch = {}): Promise<TrainingResult> {
  const { options, data, run, device, ranks } = training;
  const { batch, accumulate, seed } = options;
  const { order, events } = await together(ranks, () => {
    const order = trainingOrder({ images: data.used.length, batch, accumulate, seed });
    if (run?.checkpoint) device.load(run.checkpoint.state);
    const { epoch, step } = run?.checkpoint?.position ?? BEGINNING;
    return { order, events: run && createEventFile(join(run.path, "tensorboard"), epoch * order.steps + step) };
  });
  try {
    const start = await broadcastValue(ranks, run?.checkpoint?.position) ?? BEGINNING;
    if (ranks) {
      const state = await device.state();
      await shareState(ranks, state);
      device.load(state);
    }
    return await runSteps(training, watch, { order, start, events });
  } finally {
    events?.close();
  }
}

const BEGINNING: Position = { epoch: 0, step: 0, lossSum: 0 };

async function runSteps<Batch>(
  { options, data, device, batchOf, evaluate, run, rejections, ranks, engine }: Training<Batch>,
  { signal, onProgress, onEpoch }: TrainingWatch,
  { order, start, events }: { order: Order; start: Position; events?: EventFile },
): Promise<TrainingResult> {
  const { batch, accumulate, epochs, saveMinutes, validateEvery, half } = options;
  const { steps } = order;
  const rateAt = learningRates(options, steps / accumulate);
  const rateOf = (epoch: number, step: number) => rateAt(Math.floor((epoch * steps + step) / accumulate));
  const share = shareOf(ranks, batch);
  const batches = loadBatches({ data, order, batch, share, epochs, start, ahead: AHEAD, onRejected: rejections.add });
  const engines = [...new Set([...run?.checkpoint?.engines ?? [], engine])];
  const clock = stopwatch(batch, ranks && device);
  let { lossSum } = start;
  let position: Position = start;
  /** Where the checkpoint is. */
  let saved = start === BEGINNING ? undefined : start;
  let learningRate = 0;
  let unread: Unread[] = [];
  let lastSave = performance.now();
  let done = 0;
  let pooling: number | undefined;

  /** Asks for the losses of the steps so far; what is started after this is not waited for. */
  function startReading() {
    const reading = { report: device.read(), checksum: ranks && device.checksum(), of: unread };
    unread = [];
    return reading;
  }

  async function finishReading(reading: ReturnType<typeof startReading>): Promise<void> {
    if (reading.of.length === 0) return;
    const report = await reading.report;
    const losses = await meanLosses(report.losses, ranks);
    const checksums = ranks && await joinNumbers(ranks, ranks.size, [[ranks.rank, (await reading.checksum)!]]);
    await rejections.share();
    await together(ranks, () => take(reading.of, losses, report.control, checksums));
  }

  /** Takes what was read of some steps, which all ranks have alike. */
  async function take(
    of: readonly Unread[],
    losses: Float32Array | Float64Array,
    control: { readonly skippedSteps: number; readonly goodSteps: number },
    checksums: Float64Array = new Float64Array(0),
  ): Promise<void> {
    const { epoch, step } = of[of.length - 1];
    const other = checksums.findIndex((checksum) => checksum !== checksums[0]);
    if (other > 0) {
      throw new Error(
        `Cannot go on training: after step ${step} of epoch ${epoch} the weights of rank ${other} are not those of rank 0`,
      );
    }
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) throw await failure([of[bad]], (steps) => `the loss of ${steps} is ${losses[bad]}`);
    // In 16 bits gradients overflow from time to time, and the loss's scale is lowered.
    if (!half && control.skippedSteps > 0) {
      const skipped = Math.floor((step + 1) / accumulate) - 1 - control.goodSteps;
      const ofUpdate = of.filter(({ step }) => Math.floor(step / accumulate) === skipped);
      throw await failure(ofUpdate, (steps) => `the gradient of ${steps} is not finite`);
    }
    let sum = 0;
    for (const loss of losses) {
      sum += loss;
      // One by one, so that the bits do not depend on how many were read together.
      lossSum += loss;
    }
    const loss = sum / losses.length;
    events?.write(epoch * steps + step, { "train/loss": loss, "train/learning rate": learningRate });
    const speed = clock.lap(losses.length);
    const imagesLeft = ((epochs - epoch) * steps - step - 1) * batch;
    onProgress?.({ epoch, step: step + 1, steps, imagesLeft, loss, learningRate, ...speed, pooling });
  }

  /** Keeps the state, and says what went wrong at the steps of an update, which is all ranks' failure. */
  async function failure(of: readonly Unread[], describe: (steps: string) => string): Promise<RangeError> {
    const { epoch, step } = of[of.length - 1];
    const keys = await keysOf(of);
    const which = of.length === 1 ? `step ${step}` : `steps ${of[0].step} to ${step}`;
    const reason = describe(`${which} of epoch ${epoch}`);
    const file = run?.saveFailed(await stateNow(), { failed: JSON.stringify({ epoch, step, reason, keys }) });
    const shown = keys.slice(0, SHOWN_KEYS).join(", ");
    const more = keys.length > SHOWN_KEYS ? ` and ${formatCount(keys.length - SHOWN_KEYS)} more` : "";
    return new RangeError(
      `Cannot go on training: ${reason}, of the images ${shown}${more}; all of them and the state are in "${file}"`,
    );
  }

  /** The keys of all images of some steps, in order, also of those that other ranks took. */
  async function keysOf(of: readonly Unread[]): Promise<string[]> {
    const own = of.flatMap(({ indices }, at) =>
      Array.from(indices, (index, place) => [at * batch + share.start + place, index] as const)
    );
    const all = await joinNumbers(ranks, of.length * batch, own);
    return Array.from(all, (index) => data.images.keys[index]);
  }

  async function stateNow(): Promise<Checkpoint> {
    return { state: await device.state(), position, data: data.fingerprint, engines };
  }

  async function save(): Promise<void> {
    if (unread.length > 0) await finishReading(startReading());
    position = { ...position, lossSum };
    await together(ranks, async () => run?.save(await stateNow()));
    saved = position;
    lastSave = performance.now();
  }

  async function finishEpoch(epoch: number): Promise<void> {
    await finishReading(startReading());
    const state = await device.state();
    const isValidated = (epoch + 1) % validateEvery === 0 || epoch + 1 === epochs;
    const evaluation = isValidated ? await evaluate?.(state, ranks ? undefined : signal) : undefined;
    await rejections.share();
    const summary: EpochSummary = {
      epoch,
      trainLoss: lossSum / steps,
      ...(evaluation ? { evaluation } : {}),
      learningRate: rateOf(epoch, steps - 1),
    };
    lossSum = 0;
    position = { epoch: epoch + 1, step: 0, lossSum };
    await together(ranks, () => {
      run?.finishEpoch(summary, state);
      run?.save({ state, position, data: data.fingerprint, engines });
      if (!evaluation) return;
      const { loss, top1, top5 } = evaluation;
      events?.write((epoch + 1) * steps - 1, { "eval/loss": loss, "eval/top1": top1, "eval/top5": top5 });
    });
    saved = position;
    lastSave = performance.now();
    onEpoch?.(summary);
    clock.restart();
  }

  const result = (stopped: boolean) => {
    return {
      stopped,
      position,
      epochs: run?.epochs ?? [],
      rejected: run?.rejected ?? 0,
      oriented: data.images.oriented(),
      ...clock.total(),
    };
  };
  const nextBatch = async (breaking?: AbortSignal) => {
    const next = await unlessAborted(batches.next(), breaking);
    return next.done ? undefined : { loaded: next.value, given: batchOf(next.value) };
  };
  let isReadingDue = false;
  let reading: ReturnType<typeof startReading> | undefined;
  try {
    // A signal broke off its validation.
    if (start.step === steps) await finishEpoch(start.epoch);
    while (true) {
      // What is between the batches of an update is in no checkpoint.
      const breaking = ranks || position.step % accumulate > 0 ? undefined : signal;
      const next = await clock.waitFor(together(ranks, () => nextBatch(breaking)));
      if (!next) return result(false);
      const { loaded, given } = next;
      const { epoch, step, indices, images } = loaded;
      const bytes = images.reduce((sum, { pixels }) => sum + pixels.length, 0);
      if (isReadingDue) reading = startReading();
      learningRate = rateOf(epoch, step);
      await device.step(given, learningRate, breaking);
      loaded.release();
      unread.push({ epoch, step, indices, bytes });
      if (reading) await finishReading(reading);
      reading = undefined;
      if (++done === STEPS_BEFORE_MEASURING * accumulate && (step + 1) % accumulate === 0) {
        await finishReading(startReading());
        if (run) pooling = await device.poolingShare();
      }
      position = { epoch, step: step + 1, lossSum };
      const queued = unread.reduce((sum, { bytes }) => sum + bytes, bytes);
      const [isStopped, isSaveDue, isFull] = await onAnyRank(ranks, [
        signal?.aborted === true,
        performance.now() - lastSave > saveMinutes * 60_000,
        unread.length >= STEPS_A_READING || queued > BYTES_A_READING,
      ]);
      if (step + 1 === steps) await finishEpoch(epoch);
      else if ((isStopped || isSaveDue) && (step + 1) % accumulate === 0) await save();
      isReadingDue = isFull && unread.length > 0;
      if (isStopped && saved === position && position.epoch < epochs) {
        await batches.return(undefined);
        return result(true);
      }
      // Signals arrive between tasks only.
      await new Promise((resolve) => setTimeout(resolve));
    }
  } catch (error) {
    if (!isAbort(error, signal) || position === BEGINNING) throw error;
    // Of what comes after the position nothing is done. A batch that is being loaded is left to itself.
    batches.return(undefined).catch(() => {});
    if (reading) await finishReading(reading);
    if (saved !== position) await save();
    return result(position.epoch < epochs);
  }
}

/** The losses of steps: means over the ranks, whose shares of a batch are equal. */
async function meanLosses(losses: Float32Array, ranks?: Communicator): Promise<Float32Array | Float64Array> {
  if (!ranks) return losses;
  const sums = Float64Array.from(losses);
  await ranks.sum(sums);
  return sums.map((sum) => sum / ranks.size);
}

/** Measures a loop that takes batches, and how long steps wait for other ranks, where there is a device to ask. */
function stopwatch(batch: number, exchanges?: Pick<TrainingDevice<unknown>, "exchangeTime">) {
  const start = performance.now();
  const all = { images: 0, waited: 0, exchanged: 0 };
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
    lap(steps: number): Pick<TrainingProgress, "imagesPerSecond" | "waiting" | "exchanging"> {
      const now = performance.now();
      const elapsed = Math.max(now - lap.start, 1e-3);
      const { waited } = lap;
      const exchanged = exchanges?.exchangeTime().exposed;
      lap = { start: now, waited: 0 };
      all.images += steps * batch;
      all.exchanged += exchanged ?? 0;
      return {
        imagesPerSecond: steps * batch / elapsed * 1000,
        waiting: waited / elapsed,
        ...(exchanged === undefined ? {} : { exchanging: exchanged / elapsed }),
      };
    },
    /** Begins a lap, so that what was done since the last one is of none. */
    restart(): void {
      lap = { start: performance.now(), waited: 0 };
    },
    total(): Pick<TrainingResult, "images" | "seconds" | "waiting" | "exchanging"> {
      const elapsed = Math.max(performance.now() - start, 1e-3);
      return {
        images: all.images,
        seconds: elapsed / 1000,
        waiting: all.waited / elapsed,
        ...(exchanges ? { exchanging: all.exchanged / elapsed } : {}),
      };
    },
  };
}
