/**
 * Mixup and CutMix: an image and its target are mixed with those of a partner from the same batch, all with one share.
 *
 * Mixup (Zhang et al., 2018): x = lambda x + (1 - lambda) x', likewise the target. CutMix (Yun et al., 2019): a box of the
 * share 1 - lambda of the area, its middle anywhere, comes from the partner; what the image's edge cuts off the box
 * goes back into lambda. Partners are neighbours, 0 and 1, 2 and 3, ...; the published code of CutMix and of ReLabel permutes
 * the batch at random, which is the same where the order of images is random already, and a half of a batch, on a device of
 * its own, has all of its partners.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { randomKey, type RandomNumbers, randomNumbers } from "../../../formats/base/random.ts";
import type { PixelBox } from "./random_resized_crop.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/** How a batch is mixed. */
export interface Mix {
  /** What an image keeps of its target; without a box, also of itself. */
  readonly lambda: number;
  /** The pixels that come from the partner: CutMix. */
  readonly box?: PixelBox;
  /** By image, which one it is mixed with. */
  readonly partners: Uint32Array;
}

/** Tells a batch's numbers from an image's. */
const MIX_PURPOSE = 100;

/**
 * Draws how a batch is mixed.
 *
 * @param settings How images are augmented.
 * @param key The run's `seed`, the `epoch`, the `step` within it, and how many images the `batch` has, on which only the
 *   partners depend.
 * @returns The mix, or undefined if the settings have none.
 */
export function sampleMix(
  settings: Pick<AugmentationSettings, "size" | "mixup" | "cutmix">,
  key: { readonly seed: number; readonly epoch: number; readonly step: number; readonly batch: number },
): Mix | undefined {
  const { size: [height, width], mixup, cutmix } = settings;
  if (mixup === undefined && cutmix === undefined) return undefined;
  const random = randomNumbers(randomKey([key.seed, key.epoch, key.step, MIX_PURPOSE]));
  const cuts = cutmix !== undefined && (mixup === undefined || random.uniform(0, 1) < 0.5);
  const lambda = betaNumber(cuts ? cutmix : mixup!, random);
  const partners = neighbours(key.batch);
  if (!cuts) return { lambda, partners };
  const box = cutBox(Math.sqrt(1 - lambda), [height, width], random);
  return { lambda: 1 - box.height * box.width / (height * width), box, partners };
}

/** Each image's partner: its neighbour. Of an odd number the last three are partners in a ring, so that none is left. */
function neighbours(batch: number): Uint32Array {
  const partners = Uint32Array.from({ length: batch }, (_, index) => index ^ 1);
  if (batch === 1) partners[0] = 0;
  else if (batch % 2 === 1) partners.set([batch - 2, batch - 1, batch - 3], batch - 3);
  return partners;
}

function cutBox(side: number, [height, width]: Pair, random: RandomNumbers): PixelBox {
  const range = (length: number) => {
    const half = Math.floor(Math.trunc(length * side) / 2);
    const middle = random.integer(length);
    const [low, high] = [Math.max(middle - half, 0), Math.min(middle + half, length)];
    return [low, high - low];
  };
  const [left, boxWidth] = range(width);
  const [top, boxHeight] = range(height);
  return { top, left, height: boxHeight, width: boxWidth };
}

/** A number of the distribution Beta(alpha, alpha). */
function betaNumber(alpha: number, random: RandomNumbers): number {
  const [first, second] = [logGammaNumber(alpha, random), logGammaNumber(alpha, random)];
  return 1 / (1 + Math.exp(second - first));
}

/**
 * The logarithm of a number of the gamma distribution: for a small alpha the number itself may be too small for a float.
 * (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.)
 */
function logGammaNumber(alpha: number, random: RandomNumbers): number {
  const positive = () => (random.word() + 0.5) / 2 ** 32;
  if (alpha < 1) return logGammaNumber(alpha + 1, random) + Math.log(positive()) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  while (true) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(positive()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** Images mixed on the CPU: `images` are `[N, H, W, 3]`. */
export function mixImagesReference(images: ArrayLike<number>, size: Pair, mix: Mix): Float64Array {
  const { lambda, box, partners } = mix;
  const each = size[0] * size[1] * 3;
  return Float64Array.from(images, (value, index) => {
    const place = index % each;
    const other = images[partners[Math.floor(index / each)] * each + place];
    if (!box) return lambda * value + (1 - lambda) * other;
    const y = Math.floor(place / 3 / size[1]) - box.top;
    const x = Math.floor(place / 3) % size[1] - box.left;
    return x >= 0 && x < box.width && y >= 0 && y < box.height ? other : value;
  });
}

/** Targets mixed on the CPU: `targets` are `[N, C]`. */
export function mixTargetsReference(
  targets: ArrayLike<number>,
  classes: number,
  { lambda, partners }: Pick<Mix, "lambda" | "partners">,
): Float64Array {
  return Float64Array.from(
    targets,
    (value, index) =>
      lambda * value + (1 - lambda) * targets[partners[Math.floor(index / classes)] * classes + index % classes],
  );
}
