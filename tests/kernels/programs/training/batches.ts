/**
 * Batches of made-up images for a small network.
 *
 * @module
 */

import type { Device } from "../../../../kernels/engine/device.ts";
import type { Profile } from "../../../../kernels/engine/kernel.ts";
import { buildNetwork, initialParameters } from "../../../../kernels/networks/mod.ts";
import {
  type AugmentationSettings,
  sampleAugmentation,
  sampleMix,
} from "../../../../kernels/operations/augmentation/mod.ts";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import type { TrainerSettings, TrainingBatch } from "../../../../kernels/programs/training/trainer.ts";
import { randomMaps } from "../../operations/label_pooling/maps.ts";
import { randomValues } from "../../tensors.ts";

export const CLASSES = 10;
export const BATCH = 5;

/** A device as if its adapter were of a profile. */
export function withProfile(device: Device, profile: Profile): Device {
  return { ...device, capabilities: { ...device.capabilities, profile } };
}

/** A ResNet-8 on 16 x 16 pixels, trained by SGD from labels, but for what is given. */
export function trainerSettings(changes: Partial<TrainerSettings> = {}): TrainerSettings {
  const network = changes.network ?? buildNetwork("resnet8", { classes: CLASSES });
  const augmentation: AugmentationSettings = {
    size: [16, 16],
    mean: [0.5, 0.4, 0.3],
    std: [0.25, 0.2, 0.3],
    interpolation: "bilinear",
    crop: { scale: [0.3, 1], ratio: [0.75, 4 / 3] },
    flip: 0.5,
  };
  return {
    network,
    parameters: initialParameters(network, 7),
    batch: BATCH,
    size: [16, 16],
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
    weightDecay: 5e-4,
    excludeNorms: true,
    lossScaling: NO_LOSS_SCALING,
    augmentation,
    targets: { type: "label", smoothing: 0.1 },
    ...changes,
  };
}

/** Maps of {@linkcode trainingBatch}. */
export const MAPS = { k: 3, grid: [4, 3] as [number, number], classes: CLASSES, dtype: "fp16" as const };

/** {@linkcode trainerSettings} with most of what a step can have: colours, CutMix, pooled label maps, averaged weights. */
export function mixedPoolingSettings(): TrainerSettings {
  const { augmentation } = trainerSettings();
  const colourJitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4 };
  return trainerSettings({
    targets: { type: "pooled", maps: MAPS, pooling: {} },
    augmentation: { ...augmentation, colourJitter, lighting: 0.1, cutmix: 1 },
    averageDecay: 0.9,
  });
}

/** A batch with everything that any supervision reads, from its number. */
export function trainingBatch({ augmentation, batch, targets: source }: TrainerSettings, step: number): TrainingBatch {
  const images = Array.from({ length: batch }, (_, index) => {
    const [width, height] = [24 + index, 20 + step % 3];
    const pixels = Uint8Array.from(
      randomValues(width * height * 3, step * batch + index),
      (value) => 128 + value * 127,
    );
    return { width, height, pixels };
  });
  const key = { seed: 3, epoch: step };
  const targets = Float32Array.from(randomValues(batch * CLASSES, step, 0.5), (value) => (value + 0.5) / CLASSES);
  return {
    images,
    samples: images.map((image, index) => sampleAugmentation(augmentation, { ...key, index }, image)),
    mix: sampleMix(augmentation, { ...key, step, batch }),
    seeds: Uint32Array.from({ length: batch }, (_, index) => step * batch + index),
    labels: Int32Array.from({ length: batch }, (_, index) => (step + index * 3) % CLASSES),
    maps: {
      ...randomMaps({ count: batch, ...MAPS, seed: step }),
      ...(source.type === "pooled" ? source.maps : {}),
    },
    targets,
  };
}
