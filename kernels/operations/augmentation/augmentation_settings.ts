/**
 * What is done to an image on its way into a batch.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";

/** How images are augmented, in the order in which it is done. What is absent is not done. */
export interface AugmentationSettings {
  /** Height and width of the result, pixels. */
  readonly size: Pair;
  /**
   * A random part of the image, whose share of the area lies in `scale` and whose width divided by height in `ratio`
   * (Inception's crop, torchvision's `RandomResizedCrop`); without it, the whole image is resized.
   */
  readonly crop?: { readonly scale: Pair; readonly ratio: Pair };
  /** How the part is resized: Pillow's filters, which average over what they reduce. */
  readonly interpolation: "bilinear" | "bicubic";
  /** Probability of a mirror image. */
  readonly flip?: number;
  /** How many operations, and their strength, 0 to 30 (torchvision's `RandAugment`). */
  readonly randAugment?: { readonly operations: number; readonly magnitude: number };
  /** Factors from [1 - x, 1 + x], in random order (torchvision's `ColorJitter`). */
  readonly colourJitter?: { readonly brightness?: number; readonly contrast?: number; readonly saturation?: number };
  /** Standard deviation of the noise along the principal components of ImageNet's colours; 0.1 in AlexNet's paper. */
  readonly lighting?: number;
  /** Mean of red, green and blue, on a scale where 255 is 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /**
   * A rectangle that is overwritten after normalisation, its area and its height divided by width in random proportion,
   * with zeros or with normal noise (torchvision's `RandomErasing`).
   */
  readonly erasing?: {
    readonly probability: number;
    readonly scale: Pair;
    readonly ratio: Pair;
    readonly value: "zero" | "random";
  };
  /** Alpha of the beta distribution of Mixup's shares. With `cutmix` too, each is taken for half of the batches. */
  readonly mixup?: number;
  /** Alpha of the beta distribution of CutMix's shares. */
  readonly cutmix?: number;
}

/** Strengths of RandAugment: 0 to one less. */
export const MAGNITUDES = 31;

/**
 * Checks settings.
 *
 * @param settings The settings.
 * @throws {TypeError} If a list has the wrong length, or a name is unknown.
 * @throws {RangeError} If a number is out of its range.
 */
export function checkAugmentation(settings: AugmentationSettings): void {
  const { size, crop, interpolation, flip = 0, randAugment, colourJitter = {}, lighting = 0, erasing } = settings;
  for (const value of size) {
    if (!Number.isInteger(value) || value < 1) refuse("size", size, "two positive integers");
  }
  for (const name of ["mean", "std"] as const) {
    const values = settings[name];
    if (values.length !== 3) {
      throw new TypeError(`Cannot augment: ${name} has ${values.length} values, expected 3 (red, green, blue)`);
    }
    if (!values.every((value) => Number.isFinite(value) && (name === "mean" || value > 0))) {
      refuse(name, values, name === "mean" ? "finite numbers" : "positive numbers");
    }
  }
  if (!["bilinear", "bicubic"].includes(interpolation)) {
    throw new TypeError(`Cannot augment: interpolation is "${interpolation}", expected "bilinear" or "bicubic"`);
  }
  if (crop) {
    checkShare("crop.scale", crop.scale);
    checkRatio("crop.ratio", crop.ratio);
  }
  checkNumber("flip", flip, 0, 1);
  if (randAugment) {
    const { operations, magnitude } = randAugment;
    if (!Number.isInteger(operations) || operations < 1 || operations > 14) {
      refuse("randAugment.operations", operations, "an integer from 1 to 14");
    }
    if (!Number.isInteger(magnitude) || magnitude < 0 || magnitude >= MAGNITUDES) {
      refuse("randAugment.magnitude", magnitude, `an integer from 0 to ${MAGNITUDES - 1}`);
    }
  }
  for (const [name, value = 0] of Object.entries(colourJitter)) {
    checkNumber(`colourJitter.${name}`, value, 0, Infinity);
  }
  checkNumber("lighting", lighting, 0, Infinity);
  if (erasing) {
    checkNumber("erasing.probability", erasing.probability, 0, 1);
    checkShare("erasing.scale", erasing.scale);
    checkRatio("erasing.ratio", erasing.ratio);
    if (!["zero", "random"].includes(erasing.value)) {
      throw new TypeError(`Cannot augment: erasing.value is "${erasing.value}", expected "zero" or "random"`);
    }
  }
  for (const name of ["mixup", "cutmix"] as const) {
    const alpha = settings[name];
    if (alpha !== undefined && !(alpha > 0 && alpha < Infinity)) refuse(name, alpha, "a positive number");
  }
}

function refuse(name: string, found: number | readonly number[], expected: string): never {
  const text = Array.isArray(found) ? `[${found.join(", ")}]` : found;
  throw new RangeError(`Cannot augment: ${name} is ${text}, expected ${expected}`);
}

function checkNumber(name: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high && value !== Infinity) return;
  refuse(name, value, high === Infinity ? `a number from ${low} on` : `a number from ${low} to ${high}`);
}

function checkShare(name: string, [low, high]: Pair): void {
  if (!(low > 0 && low <= high && high <= 1)) refuse(name, [low, high], "two shares, 0 < low <= high <= 1");
}

function checkRatio(name: string, [low, high]: Pair): void {
  if (!(low > 0 && low <= high && high < Infinity)) refuse(name, [low, high], "two ratios, 0 < low <= high");
}
