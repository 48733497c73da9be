/**
 * Steps of a ResNet-50 whose gradients are added up over ranks: in buckets while the backward pass goes on, and all at
 * once after it.
 *
 * @module
 */

import { closeDevice, type Device } from "../../kernels/engine/device.ts";
import { buildNetwork, initialParameters } from "../../kernels/networks/mod.ts";
import { type AugmentationSettings, sampleAugmentation } from "../../kernels/operations/augmentation/mod.ts";
import { flattenParameters } from "../../kernels/optimizers/layout.ts";
import { NO_LOSS_SCALING } from "../../kernels/optimizers/prepare_step.ts";
import { layOutNetwork } from "../../kernels/lowering/parameters.ts";
import {
  createTrainer,
  type Trainer,
  type TrainerSettings,
  type TrainingBatch,
} from "../../kernels/programs/training/trainer.ts";
import type { Communicator } from "../../pipeline/command/mpi/communicator.ts";
import { assertClose } from "../../tests/kernels/compare.ts";
import { openBenchDevice } from "../device.ts";
import { describeDevice, describeMachine } from "../machine.ts";
import { formatTable } from "../table.ts";
import { median } from "../timing.ts";

/** What is measured. */
export interface ExchangeOptions {
  readonly rounds: number;
  /** Images of a rank's batch. */
  readonly batch: number;
  /** Height and width of an image. */
  readonly size: number;
}

/** Milliseconds of a step: means over the ranks. */
interface StepTime {
  readonly whole: number;
  readonly total: number;
  readonly exposed: number;
  /** Of the rank for which it was least: the others waited for it. */
  readonly leastExposed: number;
}

const LEARNING_RATE = 0.01;
const CLASSES = 1000;

const network = buildNetwork("resnet50", { classes: CLASSES });

/** Without weight decay, so that the first step's momentum is the gradient. */
function settingsOf({ batch, size }: ExchangeOptions): TrainerSettings {
  const augmentation: AugmentationSettings = {
    size: [size, size],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: "bilinear",
  };
  return {
    network,
    parameters: initialParameters(network, 1),
    batch,
    size: [size, size],
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
    weightDecay: 0,
    excludeNorms: true,
    lossScaling: NO_LOSS_SCALING,
    augmentation,
    targets: { type: "label", smoothing: 0.1 },
  };
}

/** Made-up images, others for each rank. */
function batchOf({ augmentation, batch, size: [height, width] }: TrainerSettings, rank: number): TrainingBatch {
  const images = Array.from({ length: batch }, (_, index) => ({
    width,
    height,
    pixels: Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * 7 + (at >> 9) * (rank + index + 3)) & 255),
  }));
  return {
    images,
    samples: images.map((image, index) => sampleAugmentation(augmentation, { seed: 1, epoch: 0, index }, image)),
    seeds: new Uint32Array(batch),
    labels: Int32Array.from({ length: batch }, (_, index) => (rank * batch + index) * 37 % CLASSES),
  };
}

/**
 * Measures, and prints what it found, by rank 0.
 *
 * @param communicator The ranks.
 * @param options What.
 * @returns Whether memory and overlap are as promised.
 * @throws {AssertionError} If a sum is wrong, or ranks have other parameters.
 */
export async function measureExchange(communicator: Communicator, options: ExchangeOptions): Promise<boolean> {
  const { rank, size: ranks } = communicator;
  const print = (text: string) => rank === 0 && console.log(text);
  const device = await openBenchDevice();
  const settings = settingsOf(options);
  const batch = batchOf(settings, rank);
  const { length } = layOutNetwork(network, settings).parameters;
  const gradients = length * 4;
  print(`${describeMachine()}\n${describeDevice(device)}, ${communicator.library}, ${ranks} ranks on this machine`);
  print(
    `resnet50 of ${CLASSES} classes, ${(length / 1e6).toFixed(1)} M parameters, ${options.batch} images of ` +
      `${options.size} x ${options.size} a rank; medians of ${options.rounds} rounds`,
  );
  const overlapping = await createContestant(device, communicator, settings);
  const apart = await createContestant(device, communicator, { ...settings, bucketBytes: gradients });
  const contestants = [overlapping, apart];
  await checkSums(communicator, contestants, batch, settings);
  print(`  sums checked: ${(length / 1e6).toFixed(1)} M gradients of all ranks, in float64; checksums are equal`);
  const times = contestants.map((): StepTime[] => []);
  const alone: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const which = (round + turn) % contestants.length;
      times[which].push(await timeStep(communicator, contestants[which].trainer, batch));
    }
    alone.push(await timeSums(communicator, overlapping.lengths));
  }
  const bytes = overlapping.trainer.bytes.exchange;
  for (const { trainer } of contestants) trainer.close();
  closeDevice(device);

  const [inBuckets, atOnce] = times.map((list) => ({
    whole: median(list.map(({ whole }) => whole)),
    total: median(list.map(({ total }) => total)),
    exposed: median(list.map(({ exposed }) => exposed)),
    leastExposed: median(list.map(({ leastExposed }) => leastExposed)),
  }));
  const row = (name: string, { whole, exposed, leastExposed }: StepTime) => [
    name,
    ...[whole, exposed, leastExposed].map((value) => value.toFixed(0)),
  ];
  print(formatTable([
    ["milliseconds", "a step", "all-reduce exposed", "of the rank that came last"],
    row(`in ${overlapping.lengths.length} buckets, during the backward pass`, inBuckets),
    row("at once, after it", atOnce),
  ]));
  const overlapped = 1 - inBuckets.leastExposed / atOnce.leastExposed;
  const megabytes = (count: number) => (count / 1e6).toFixed(1);
  print(
    `  All-reduce of ${megabytes(gradients)} MB: ${median(alone).toFixed(0)} ms in buckets by itself, ` +
      `${atOnce.total.toFixed(0)} ms at once in a step\n` +
      `  Overlapped: ${(overlapped * 100).toFixed(1)} % of what is exposed at once, by the rank that came last\n` +
      `  Memory for it: ${megabytes(bytes)} MB, all copies counted; the gradients are ${megabytes(gradients)} MB`,
  );
  return bytes <= gradients && overlapped > 0;
}

/** A trainer, and what was added up in its first step. */
interface Contestant {
  readonly trainer: Trainer;
  /** Copies of the sums; in the first step alone. */
  readonly sums: Float32Array[];
  /** Numbers of each sum. */
  readonly lengths: number[];
}

/** A trainer whose sums are compared with those in float64 as long as there is no sum of a second step. */
async function createContestant(
  device: Device,
  communicator: Communicator,
  settings: TrainerSettings,
): Promise<Contestant> {
  const { length } = layOutNetwork(network, settings).parameters;
  const sums: Float32Array[] = [];
  const lengths: number[] = [];
  let added = 0;
  const ranks = {
    ...communicator,
    async sum(data: Float32Array<ArrayBuffer>) {
      if (added === length) return await communicator.sum(data);
      added += data.length;
      lengths.push(data.length);
      const exact = Float64Array.from(data);
      const magnitudes = exact.map(Math.abs);
      // Asked for together: another bucket might come in between, on one rank and not on another.
      await Promise.all([data, exact, magnitudes].map((numbers) => communicator.sum(numbers)));
      sums.push(data.slice());
      const scale = magnitudes.reduce((sum, value) => sum + value, 0) / magnitudes.length;
      assertClose(data, exact, { name: "sum over ranks", absolute: 1e-6 * scale, relative: 1e-6 });
    },
  };
  return { trainer: await createTrainer(device, { ...settings, ranks }), sums, lengths };
}

/** Takes the first step, and compares what the updates read with the sums, and the ranks' parameters. */
async function checkSums(
  communicator: Communicator,
  contestants: readonly Contestant[],
  batch: TrainingBatch,
  settings: TrainerSettings,
): Promise<void> {
  const { parameters } = layOutNetwork(network, settings);
  let atOnce = new Float32Array();
  for (const { trainer, sums } of contestants.toReversed()) {
    await trainer.step(batch, LEARNING_RATE);
    const own = new Float64Array([await trainer.checksum()]);
    const mean = own.slice();
    await communicator.sum(mean);
    assertClose(own, mean.map((sum) => sum / communicator.size), { name: "checksum", absolute: 0, relative: 0 });
    const state = await trainer.state();
    const momentum = flattenParameters(parameters, (name) => state.get(`optimizer.momentum.${name}`)!.data);
    if (sums.length === 1) atOnce = sums[0].slice();
    // Of more than two ranks, how the library adds them up depends on the number of elements.
    const isSame = sums.length === 1 || communicator.size === 2;
    const scale = atOnce.reduce((sum, value) => sum + Math.abs(value), 0) / atOnce.length;
    const tolerance = isSame ? { absolute: 0, relative: 0 } : { absolute: 1e-6 * scale, relative: 1e-5 };
    assertClose(momentum, atOnce, { ...tolerance, name: "gradient of the update" });
    sums.length = 0;
  }
}

/** A step up to the end of its update, by all ranks together. */
async function timeStep(communicator: Communicator, trainer: Trainer, batch: TrainingBatch): Promise<StepTime> {
  await trainer.read();
  trainer.exchangeTime();
  await communicator.barrier();
  const start = performance.now();
  await trainer.step(batch, LEARNING_RATE);
  await trainer.read();
  const { total, exposed } = trainer.exchangeTime();
  const times = new Float64Array([performance.now() - start, total, exposed]);
  await communicator.sum(times);
  const [meanWhole, meanTotal, meanExposed] = times.map((sum) => sum / communicator.size);
  const negative = new Int32Array([-Math.round(exposed * 1000)]);
  await communicator.largest(negative);
  return { whole: meanWhole, total: meanTotal, exposed: meanExposed, leastExposed: -negative[0] / 1000 };
}

/** The same sums while nothing else runs. */
async function timeSums(communicator: Communicator, lengths: readonly number[]): Promise<number> {
  const arrays = lengths.map((length) => new Float32Array(length));
  await communicator.barrier();
  const start = performance.now();
  for (const array of arrays) await communicator.sum(array);
  return performance.now() - start;
}
