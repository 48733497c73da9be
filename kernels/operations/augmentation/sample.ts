/**
 * What happens to an image in an epoch. It depends on (seed, epoch, index) and on the image's size alone.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { composeWarps, type Crop, HORIZONTAL_FLIP, type Warp } from "../label_pooling/crop.ts";
import { type ImageOperation, matrixWarp } from "./image_operation.ts";
import { sampleRandAugment } from "./rand_augment.ts";
import { type RandomKey, randomKey, type RandomNumbers, randomNumbers } from "../../../formats/base/random.ts";
import { type PixelBox, randomResizedCrop, TRIES } from "./random_resized_crop.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/** What happens to one image. */
export interface Augmentation {
  /** The part that the network sees, in fractions, with the flip and all that moves places as its warp. */
  readonly crop: Crop;
  /** The part of the image in pixels. */
  readonly box: PixelBox;
  readonly flip: boolean;
  /** Operations on the resized part, in order. */
  readonly operations: readonly ImageOperation[];
  /** What is added to red, green and blue, on a scale where 255 is 1. */
  readonly lighting: readonly [number, number, number];
  /** A rectangle of the result that is overwritten, and the key of its noise. */
  readonly erasing?: PixelBox & { readonly key: RandomKey };
}

/** What a random number is for: what is drawn for one does not depend on how much is drawn for another. */
const PURPOSES = ["crop", "flip", "randAugment", "colourJitter", "lighting", "erasing", "noise"] as const;

/** Roots of the eigenvalues, and eigenvectors, of ImageNet's colours (Krizhevsky et al., 2012; by fb.resnet.torch). */
const EIGENVALUES = [0.2175, 0.0188, 0.0045];
const EIGENVECTORS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.8140],
  [-0.5836, -0.6948, 0.4203],
];

/**
 * Draws what happens to an image.
 *
 * @param settings How images are augmented.
 * @param key The run's `seed`, the `epoch`, and the image's `index` in the data set.
 * @param image Its size, pixels.
 * @returns The augmentation.
 */
export function sampleAugmentation(
  settings: AugmentationSettings,
  { seed, epoch, index }: { readonly seed: number; readonly epoch: number; readonly index: number },
  image: { readonly width: number; readonly height: number },
): Augmentation {
  const { size, flip = 0, lighting = 0 } = settings;
  const keyOf = (purpose: typeof PURPOSES[number]) => randomKey([seed, epoch, index, PURPOSES.indexOf(purpose)]);
  const numbers = (purpose: typeof PURPOSES[number]) => randomNumbers(keyOf(purpose));
  const box = settings.crop
    ? randomResizedCrop(image, settings.crop, numbers("crop"))
    : { top: 0, left: 0, height: image.height, width: image.width };
  const flipped = numbers("flip").uniform(0, 1) < flip;
  const operations = [
    ...settings.randAugment ? sampleRandAugment(settings.randAugment, size, numbers("randAugment")) : [],
    ...sampleColourJitter(settings.colourJitter ?? {}, numbers("colourJitter")),
  ];
  const moves = operations.flatMap((operation) =>
    operation.type === "affine" ? [matrixWarp(operation.matrix, size)] : []
  );
  const warps = [...flipped ? [HORIZONTAL_FLIP] : [], ...moves];
  const join = (all: readonly Warp[]) => all.reduce<Warp>(composeWarps, [1, 0, 0, 0, 1, 0]);
  const erased = settings.erasing && sampleErasing(settings.erasing, size, numbers("erasing"));
  return {
    crop: {
      top: box.top / image.height,
      left: box.left / image.width,
      height: box.height / image.height,
      width: box.width / image.width,
      ...warps.length > 0 ? { warp: join(warps) } : {},
      ...moves.length > 1 ? { frames: moves.map((_, move) => join(moves.slice(move))) } : {},
    },
    box,
    flip: flipped,
    operations,
    lighting: sampleLighting(lighting, numbers("lighting")),
    ...erased ? { erasing: { ...erased, key: keyOf("noise") } } : {},
  };
}

/** Factors in a random order. */
function sampleColourJitter(
  settings: NonNullable<AugmentationSettings["colourJitter"]>,
  random: RandomNumbers,
): ImageOperation[] {
  const operations = (["brightness", "contrast", "saturation"] as const).flatMap((type): ImageOperation[] => {
    const strength = settings[type] ?? 0;
    return strength > 0 ? [{ type, factor: random.uniform(Math.max(1 - strength, 0), 1 + strength) }] : [];
  });
  return shuffle(operations, random);
}

/**
 * Brings values into a random order.
 *
 * @param values The values, whose order is changed.
 * @param random The random numbers to draw from.
 * @returns The array that was given.
 */
function shuffle<T extends { [index: number]: unknown; length: number }>(values: T, random: RandomNumbers): T {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [values[last], values[other]] = [values[other], values[last]];
  }
  return values;
}

function sampleLighting(deviation: number, random: RandomNumbers): [number, number, number] {
  const shares = EIGENVALUES.map((value) => deviation * random.normal() * value);
  const [red, green, blue] = EIGENVECTORS.map((row) => row.reduce((sum, part, index) => sum + part * shares[index], 0));
  return [red, green, blue];
}

function sampleErasing(
  { probability, scale, ratio }: NonNullable<AugmentationSettings["erasing"]>,
  [height, width]: Pair,
  random: RandomNumbers,
): PixelBox | undefined {
  if (random.uniform(0, 1) >= probability) return undefined;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = height * width * random.uniform(...scale);
    const aspect = Math.exp(random.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const box = { height: Math.round(Math.sqrt(area * aspect)), width: Math.round(Math.sqrt(area / aspect)) };
    if (box.height >= height || box.width >= width) continue;
    return { top: random.integer(height - box.height + 1), left: random.integer(width - box.width + 1), ...box };
  }
  return undefined;
}
