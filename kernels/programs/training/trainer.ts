/**
 * A trainer: batches of images in, a trained network out (Yun et al., "Re-labeling ImageNet", 2021, algorithm A1). A step
 * is one program: augmentation, targets, the network, its gradient, the optimizer; the CPU only fills its inputs.
 *
 * @module
 */

import { inPieces } from "../../../formats/base/event_loop.ts";
import { type Device, writeBytes } from "../../engine/device.ts";
import type { Storage } from "../../engine/kernel.ts";
import { targetOf } from "../image_program.ts";
import { POOLING_ROLE, poolingRanges, uploadCrops, uploadMaps } from "../label_pooler.ts";
import type { Augmentation, AugmentationSettings, Mix } from "../../operations/augmentation/mod.ts";
import { channelVectors } from "../../operations/shared/tensor.ts";
import type { Parameters } from "../../operations/network.ts";
import type { Pixels } from "../../../formats/base/pixels.ts";
import { lowerTraining, type TrainingOptions } from "./lower.ts";
import { SEEDS } from "../../operations/drop/kernels.ts";
import { GIVEN, LABELS, lowerTargets, poolerSettings, type TargetSource } from "./targets.ts";
import { createTrainingPlan, type TrainingPlan } from "./training_plan.ts";
import { lowerViews } from "./views.ts";
import type { LabelMapBatch } from "../../../formats/base/label_map.ts";

/** What is trained, on what, and how. */
export interface TrainerSettings extends TrainingOptions {
  /** To begin with, by timm's names, running statistics included. */
  readonly parameters: Parameters;
  /** Storage of activations and their gradients; default f32. */
  readonly storage?: Storage;
  readonly augmentation: AugmentationSettings;
  readonly targets: TargetSource;
}

/** A batch. Images, samples and what else there is of each are in one order. */
export interface TrainingBatch {
  readonly images: readonly Pixels[];
  readonly samples: readonly Augmentation[];
  readonly mix?: Mix;
  /** `[N]`, of (seed, epoch, index), for drop path and dropout. */
  readonly seeds: Uint32Array<ArrayBuffer>;
  /** `[N]`, -1 for none. */
  readonly labels?: Int32Array<ArrayBuffer>;
  readonly maps?: LabelMapBatch;
  /** `[N, C]`. */
  readonly targets?: Float32Array;
}

/** A trainer on a device. */
export interface Trainer
  extends Pick<TrainingPlan, "read" | "state" | "load" | "measure" | "checksum" | "exchangeTime" | "bytes"> {
  /**
   * Takes a step: uploads and submits; without ranks nothing is read back. With ranks, all of them take it, and it ends
   * when the other ranks' gradients have come. The batch's arrays are to stay until the promise is settled.
   *
   * @param signal Breaks the step off before anything of it is done, while large images are cut and resized.
   * @throws {RangeError} If the batch has another number of images than the settings say.
   * @throws {TypeError} If something that the targets are made of is missing.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  step(batch: TrainingBatch, learningRate: number, signal?: AbortSignal): Promise<void>;
  /**
   * The share of a step that LabelPooling takes, by the adapter's clock. It repeats the last step, measured kernel by
   * kernel, and goes on from where it was; between two updates only.
   *
   * @returns 0 to 1; undefined where nothing is pooled, or the adapter has no timestamps.
   */
  poolingShare(): Promise<number | undefined>;
  /** Frees what is on the device. */
  close(): void;
}

/**
 * Puts a trainer on a device.
 *
 * @param device The device to run on.
 * @param settings What is trained, and how.
 * @returns The trainer; close it when done.
 * @throws {RangeError} If the size does not fit the network, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, maps have other classes, or f16 is asked for where the adapter has none.
 */
export async function createTrainer(device: Device, settings: TrainerSettings): Promise<Trainer> {
  const { network, batch, size, parameters, storage = "f32", augmentation, targets: source } = settings;
  const target = targetOf(device, storage, "train");
  const classes = network.classifier.outputChannels;
  const views = lowerViews(source, { batch, augmentation, image: network.input }, target);
  const mixed = augmentation.mixup !== undefined || augmentation.cutmix !== undefined;
  // An operation each may turn, shear or move the picture.
  const frames = augmentation.randAugment?.operations ?? 0;
  const targets = lowerTargets(source, { batch, classes, image: network.input, size, frames, mixed }, target);
  const training = lowerTraining(settings, target);
  const drops = training.tensors.has(SEEDS);
  const plan = await createTrainingPlan(device, training, settings, {
    parameters,
    prelude: [...views.map(({ program }) => program), targets],
    inputs: [...views.flatMap(({ inputs }) => inputs), ...targets.inputs, ...(drops ? [SEEDS] : [])],
  });
  const write = (name: string, data: ArrayBufferView) => writeBytes(device, plan.tensor(name), data);

  function writeTargets({ labels, maps, targets: given, samples }: TrainingBatch): void {
    if (targets.inputs.includes(LABELS)) write(LABELS, present(labels, "labels"));
    const name = source.type === "given" ? targets.inputs[0] : GIVEN;
    if (targets.inputs.includes(name)) write(name, padRows(present(given, "targets"), batch, classes));
    if (source.type !== "pooled") return;
    const pooler = poolerSettings(source, { batch, frames });
    const found = present(maps, "label maps");
    const ranges = poolingRanges(plan, pooler);
    uploadMaps(device, ranges, found, pooler);
    uploadCrops(device, ranges, samples.map(({ crop }) => crop), pooler, found.count);
  }

  async function poolingShare(): Promise<number | undefined> {
    if (source.type !== "pooled" || !device.capabilities.timestamps) return undefined;
    const state = await plan.state();
    const kernels = await plan.measure().finally(() => plan.load(state));
    const sum = (list: typeof kernels) => list.reduce((total, { milliseconds }) => total + milliseconds, 0);
    return sum(kernels.filter(({ role }) => role === POOLING_ROLE)) / sum(kernels);
  }

  return {
    poolingShare,
    bytes: plan.bytes,
    read: plan.read,
    state: plan.state,
    load: plan.load,
    checksum: plan.checksum,
    exchangeTime: plan.exchangeTime,
    measure: plan.measure,
    close: plan.close,
    async step(given, learningRate, signal) {
      if (given.images.length !== batch || given.samples.length !== batch) {
        throw new RangeError(`Cannot train on ${given.images.length} images: the batch is ${batch}`);
      }
      for (const { pack } of views) {
        const packed = await inPieces(
          pack(given.images, given.samples, given.mix),
          () => signal?.throwIfAborted(),
        );
        for (const [name, bytes] of packed) write(name, bytes);
      }
      writeTargets(given);
      if (drops) write(SEEDS, given.seeds);
      await plan.step(learningRate);
    },
  };
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`Cannot train: the batch has no ${what}`);
  return value;
}

/** `[N, C]` with C padded with zeros to a multiple of 4. */
function padRows(rows: Float32Array, batch: number, classes: number): Float32Array<ArrayBuffer> {
  if (rows.length !== batch * classes) {
    throw new TypeError(`Cannot train: targets are ${rows.length} numbers, expected ${batch} x ${classes}`);
  }
  const width = channelVectors(classes) * 4;
  const padded = new Float32Array(batch * width);
  for (let row = 0; row < batch; row++) padded.set(rows.subarray(row * classes, (row + 1) * classes), row * width);
  return padded;
}
