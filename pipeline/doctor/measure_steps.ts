/**
 * How long a step takes on this adapter: of images of one colour each, without decoding and with random weights.
 *
 * @module
 */

import type { Pixels } from "../../formats/base/pixels.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { initialParameters } from "../../kernels/networks/mod.ts";
import { sampleAugmentation } from "../../kernels/operations/augmentation/mod.ts";
import { createAnnotator } from "../../kernels/programs/annotator.ts";
import { createTrainer } from "../../kernels/programs/training/trainer.ts";
import { LABELS, MAPS, type Task, trainingAugmentation, trainingOptions } from "./requirements.ts";

/** Seconds in which steps are begun, after the first one, in which kernels are compiled. */
const BUDGET = 5;

/** Steps that are measured at most. */
const MOST_STEPS = 20;

const LEARNING_RATE = 0.1;

/** Times of steps on this adapter. */
export interface Measured {
  readonly steps: number;
  /** The median of their times. */
  readonly seconds: number;
}

/**
 * Measures steps with the adapter's own kernels.
 *
 * @param device The device to run on.
 * @param task What a step does.
 * @returns Times after a first step.
 * @throws {RangeError} If it does not fit the adapter.
 * @throws {TypeError} If the adapter has no f16 where that is asked for.
 */
export async function measureSteps(device: Device, task: Task): Promise<Measured> {
  using made = new DisposableStack();
  const step = task.training ? await trainingStep(device, task, made) : await annotatorStep(device, task, made);
  await step();
  const times: number[] = [];
  const start = performance.now();
  let end = start;
  do {
    const before = end;
    await step();
    end = performance.now();
    times.push((end - before) / 1000);
  } while (times.length < MOST_STEPS && end - start < BUDGET * 1000);
  return { steps: times.length, seconds: times.sort((a, b) => a - b)[times.length >> 1] };
}

/** Images as large as the network's input. */
function plainImages({ found: { size: [height, width] }, batch }: Task): Pixels[] {
  return Array.from({ length: batch }, (_, index) => {
    const pixels = new Uint8Array(height * width * 3).fill(64 + index % 128);
    return { width, height, pixels };
  });
}

async function annotatorStep(device: Device, task: Task, owner: DisposableStack): Promise<() => Promise<unknown>> {
  const { found: { network, size, classes }, batch, storage } = task;
  const { mean, std, interpolation } = trainingAugmentation(size);
  const annotator = await createAnnotator(device, {
    ...{ network, size, batch, storage, mean, std, interpolation },
    ...MAPS,
    parameters: initialParameters(network, 1),
    k: Math.min(MAPS.k, classes),
  });
  owner.adopt(annotator, ({ close }) => close());
  const images = plainImages(task);
  return () => annotator.annotate(images);
}

async function trainingStep(device: Device, task: Task, owner: DisposableStack): Promise<() => Promise<unknown>> {
  const { found: { network, size }, batch, storage } = task;
  const augmentation = trainingAugmentation(size);
  const settings = { ...trainingOptions(task), storage, augmentation, targets: LABELS };
  const trainer = await createTrainer(device, { ...settings, parameters: initialParameters(network, 1) });
  owner.adopt(trainer, ({ close }) => close());
  const images = plainImages(task);
  const samples = images.map((image, index) => sampleAugmentation(augmentation, { seed: 1, epoch: 0, index }, image));
  const taken = { images, samples, seeds: new Uint32Array(batch), labels: new Int32Array(batch) };
  return async () => {
    await trainer.step(taken, LEARNING_RATE);
    await trainer.read();
  };
}
