/**
 * A training step of the paper's augmentation on given images, to be timed.
 *
 * @module
 */

import type { Device } from "../kernels/engine/device.ts";
import { buildNetwork, initialParameters } from "../kernels/networks/mod.ts";
import type { AugmentationSettings } from "../kernels/operations/augmentation/mod.ts";
import { NO_LOSS_SCALING } from "../kernels/optimizers/prepare_step.ts";
import type { TargetSource } from "../kernels/programs/training/targets.ts";
import { createTrainer, type Trainer, type TrainingBatch } from "../kernels/programs/training/trainer.ts";
import type { Runner } from "./timing.ts";

const LEARNING_RATE = 0.01;

/** The augmentation of a step at a size, pixels. */
export function stepAugmentation(size: number): AugmentationSettings {
  return {
    size: [size, size],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: "bilinear",
    crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    flip: 0.5,
  };
}

/** A step that is set up. */
export interface StepRunner extends Runner {
  readonly trainer: Trainer;
  /** Takes a step and gives its loss. */
  loss(): Promise<number>;
}

/**
 * Sets a step up.
 *
 * @param device Where.
 * @param name What it is called.
 * @param options timm's name of the network, classes, images of a step and their side, where targets are from, and the batch.
 * @returns The step; close its trainer.
 */
export async function createStepRunner(
  device: Device,
  name: string,
  options: {
    readonly architecture: string;
    readonly classes: number;
    readonly batch: number;
    readonly size: number;
    readonly targets: TargetSource;
    readonly step: TrainingBatch;
  },
): Promise<StepRunner> {
  const { architecture, classes, batch, size, targets, step } = options;
  const network = buildNetwork(architecture, { classes, size: [size, size] });
  const trainer = await createTrainer(device, {
    network,
    parameters: initialParameters(network, 1),
    batch,
    size: [size, size],
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
    weightDecay: 1e-4,
    excludeNorms: false,
    lossScaling: NO_LOSS_SCALING,
    augmentation: stepAugmentation(size),
    targets,
  });
  return {
    name,
    trainer,
    async loss() {
      await trainer.step(step, LEARNING_RATE);
      return (await trainer.read()).losses[0];
    },
    async run(repetitions) {
      for (let index = 0; index < repetitions; index++) await trainer.step(step, LEARNING_RATE);
      await trainer.read();
    },
  };
}
