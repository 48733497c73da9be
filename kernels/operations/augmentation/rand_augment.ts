/**
 * RandAugment's operations (Cubuk et al., "RandAugment", 2020), with the list and the strengths of torchvision's.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { ImageOperation } from "./image_operation.ts";
import type { RandomNumbers } from "../../../formats/base/random.ts";
import { MAGNITUDES } from "./augmentation_settings.ts";

/** Torchvision's names in its order; whether the strength may be negative. */
const OPERATIONS = [
  ["identity", false],
  ["shearX", true],
  ["shearY", true],
  ["translateX", true],
  ["translateY", true],
  ["rotate", true],
  ["brightness", true],
  ["saturation", true],
  ["contrast", true],
  ["sharpness", true],
  ["posterize", false],
  ["solarize", false],
  ["autoContrast", false],
  ["equalize", false],
] as const;

/** A name of torchvision's list. */
export type RandAugmentName = typeof OPERATIONS[number][0];

/**
 * Draws operations.
 *
 * @param settings How many `operations`, and their `magnitude`.
 * @param size Height and width of the picture.
 * @param random The random numbers to draw from.
 * @returns The operations; an identity is left out.
 */
export function sampleRandAugment(
  settings: { readonly operations: number; readonly magnitude: number },
  size: Pair,
  random: RandomNumbers,
): ImageOperation[] {
  return Array.from({ length: settings.operations }, () => {
    const [name, signed] = OPERATIONS[random.integer(OPERATIONS.length)];
    const negative = random.integer(2) === 1;
    return randAugmentOperation(name, { magnitude: settings.magnitude, negative: signed && negative, size });
  }).flat();
}

/**
 * An operation of a strength.
 *
 * @param name Name of the operation.
 * @param options `magnitude` from 0 to 30; `negative` for the other direction; height and width of the picture.
 * @returns A list of the operation; an empty one for the identity.
 */
export function randAugmentOperation(
  name: RandAugmentName,
  options: { magnitude: number; negative: boolean; size: Pair },
): ImageOperation[] {
  const { magnitude, negative, size: [height, width] } = options;
  const share = magnitude / (MAGNITUDES - 1);
  const signed = (most: number) => (negative ? -1 : 1) * strength(0, most, magnitude);
  switch (name) {
    case "identity":
      return [];
    case "shearX":
      return [{ type: "affine", matrix: [1, signed(0.3), 0, 0, 1, 0] }];
    case "shearY":
      return [{ type: "affine", matrix: [1, 0, 0, signed(0.3), 1, 0] }];
    case "translateX":
      return [{ type: "affine", matrix: [1, 0, -Math.trunc(signed(150 / 331 * width)), 0, 1, 0] }];
    case "translateY":
      return [{ type: "affine", matrix: [1, 0, 0, 0, 1, -Math.trunc(signed(150 / 331 * height))] }];
    case "rotate":
      return [{ type: "affine", matrix: rotationMatrix(signed(30), [height, width]) }];
    case "posterize":
      return [{ type: "posterize", bits: 8 - Math.round(share * 4) }];
    case "solarize":
      return [{ type: "solarize", threshold: strength(255, 0, magnitude) }];
    case "autoContrast":
    case "equalize":
      return [{ type: name }];
    default:
      return [{ type: name, factor: 1 + signed(0.9) }];
  }
}

/**
 * One of {@linkcode MAGNITUDES} evenly spaced numbers, to the bits of `torch.linspace`, which counts in single precision from
 * the nearer end and rounds once: a factor that is off by its last bit changes some pixels by a level.
 */
function strength(start: number, end: number, index: number): number {
  const [first, last] = [Math.fround(start), Math.fround(end)];
  const steps = MAGNITUDES - 1;
  const step = Math.fround(Math.fround(last - first) / steps);
  return index < Math.trunc(MAGNITUDES / 2)
    ? Math.fround(first + step * index)
    : Math.fround(last - step * (steps - index));
}

/** Counterclockwise about the middle, as `Image.rotate`, which rounds to 15 decimal places. */
function rotationMatrix(degrees: number, [height, width]: Pair): [number, number, number, number, number, number] {
  const angle = degrees * Math.PI / 180;
  const round = (value: number) => Math.round(value * 1e15) / 1e15;
  const [cos, sin] = [round(Math.cos(angle)), round(Math.sin(angle))];
  const [x, y] = [width / 2, height / 2];
  return [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y];
}
