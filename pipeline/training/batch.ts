/**
 * What the device is given of a batch: the images and what happens to each, which depends on seed, epoch and the image's
 * place in the source alone.
 *
 * @module
 */

import { wordsOf } from "../../formats/base/murmur_hash.ts";
import { randomWords } from "../../formats/base/random_words.ts";
import type { DecodedImage } from "../../formats/images/mod.ts";
import {
  type Augmentation,
  type AugmentationSettings,
  sampleAugmentation,
  sampleMix,
} from "../../kernels/operations/augmentation/mod.ts";
import type { TrainingBatch } from "../../kernels/programs/training/trainer.ts";
import type { LoadedBatch } from "./loader.ts";
import { classesInCrop } from "./masks.ts";
import { multiHotTargets } from "./multi_hot.ts";
import type { RequestedSettings, TrainingSettings } from "./settings.ts";

/** The erased rectangle's share of the area and its height over its width, and what is in it: timm's. */
const ERASING = { scale: [0.02, 1 / 3], ratio: [0.3, 1 / 0.3], value: "random" } as const;

/**
 * How images are augmented.
 *
 * @param options The training's.
 * @returns The settings of the device's augmentation.
 */
export function augmentationOf(options: RequestedSettings): AugmentationSettings {
  const { size, interpolation, mean, std, scale, ratio, flip, colourJitter, lighting, erasing, mixup, cutmix } =
    options;
  const [operations, magnitude] = options.randAugment ?? [];
  return {
    size,
    interpolation,
    mean,
    std,
    crop: { scale, ratio },
    flip,
    ...(operations === undefined ? {} : { randAugment: { operations, magnitude: magnitude! } }),
    ...(colourJitter > 0
      ? { colourJitter: { brightness: colourJitter, contrast: colourJitter, saturation: colourJitter } }
      : {}),
    lighting,
    ...(erasing > 0 ? { erasing: { probability: erasing, ...ERASING } } : {}),
    ...(mixup > 0 ? { mixup } : {}),
    ...(cutmix > 0 ? { cutmix } : {}),
  };
}

/**
 * Makes what turns loaded batches into the device's.
 *
 * @param options The training's.
 * @param classes Number of classes.
 * @returns The function; it throws a RangeError if a mask has a class beyond those.
 */
export function batchMaker(options: TrainingSettings, classes: number): (loaded: LoadedBatch) => TrainingBatch {
  const { seed, epochs, mixOffEpochs, labelSmoothing: smoothing } = options;
  const settings = augmentationOf(options);
  return ({ epoch, step, indices, keys, images, labels, maps, masks, multiLabels }) => {
    const samples = images.map((image, place) =>
      sampleAugmentation(settings, { seed, epoch, index: indices[place] }, image)
    );
    const mix = epoch < epochs - mixOffEpochs
      ? sampleMix(settings, { seed, epoch, step, batch: images.length })
      : undefined;
    return {
      images,
      samples,
      mix,
      seeds: Uint32Array.from(indices, (index) => randomWords([...wordsOf(seed), epoch, index])()),
      labels,
      maps,
      targets: multiLabels
        ? multiHotTargets(multiLabels, { classes, smoothing })
        : masks && targetsOf(masks, samples, { keys, classes, share: options.oracleShare }),
    };
  };
}

function targetsOf(
  masks: readonly DecodedImage[],
  samples: readonly Augmentation[],
  { keys, classes, share }: { readonly keys: readonly string[]; readonly classes: number; readonly share: number },
): Float32Array {
  const targets = new Float32Array(masks.length * classes);
  masks.forEach((mask, place) => {
    try {
      targets.set(classesInCrop(mask, samples[place].crop, { classes, share }), place * classes);
    } catch (error) {
      throw new RangeError(`Cannot use the mask of "${keys[place]}": ${(error as Error).message}`);
    }
  });
  return targets;
}
