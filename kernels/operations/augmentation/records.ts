/**
 * What the kernels read of each image of a batch: a record of 4-vectors of words.
 *
 * | vector | words |
 * | --- | --- |
 * | 0 | where its pixels begin (words), their width, where its horizontal and vertical resize tables begin |
 * | 1 | what is added to red, green, blue after normalisation (f32); 1 for a mirror image, plus 2 for the vertical pass first |
 * | 2 | the erased rectangle: top, left, height, width |
 * | 3 | the two words of the noise's key |
 * | 4 + 2 s, 5 + 2 s | operation s: its code, up to 6 numbers (f32, or i32 for a matrix) |
 *
 * A place of the batch without an image has a record of zeros.
 *
 * @module
 */

import { fixedMatrix, type ImageOperation } from "./image_operation.ts";
import type { Augmentation } from "./sample.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/** 4-vectors before the operations. */
export const HEAD_VECTORS = 4;

/** 4-vectors of an operation. */
export const OPERATION_VECTORS = 2;

/** An operation's number in a record; 0 leaves the image as it is. */
export const OPERATION_CODES: Readonly<Record<ImageOperation["type"], number>> = {
  brightness: 1,
  saturation: 2,
  sharpness: 3,
  posterize: 4,
  solarize: 5,
  affine: 6,
  contrast: 7,
  autoContrast: 8,
  equalize: 9,
};

/** How many operations an image has at most. */
export function operationSlots({ randAugment, colourJitter = {} }: AugmentationSettings): number {
  return (randAugment?.operations ?? 0) + Object.values(colourJitter).filter((strength) => strength > 0).length;
}

/** 4-vectors of a record. */
export function recordVectors(settings: AugmentationSettings): number {
  return HEAD_VECTORS + OPERATION_VECTORS * operationSlots(settings);
}

/** Where the pixels and resize tables of an image lie, as vector 0 has it. */
export interface PixelPlace {
  readonly pixels: number;
  readonly width: number;
  readonly horizontal: number;
  readonly vertical: number;
  /** Whether the vertical pass comes first. */
  readonly verticalFirst: boolean;
}

/**
 * Writes an image's record.
 *
 * @param words The record's, zeros before.
 * @param augmentation What happens to the image.
 * @param settings The standard deviation of colours.
 * @param place Place of its pixels, where the device resizes them.
 */
export function packRecord(
  words: Uint32Array,
  { flip, lighting, erasing, operations }: Augmentation,
  { std }: Pick<AugmentationSettings, "std">,
  place?: PixelPlace,
): void {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  if (place) words.set([place.pixels, place.width, place.horizontal, place.vertical]);
  lighting.forEach((value, colour) => floats[4 + colour] = value / std[colour]);
  words[7] = (flip ? 1 : 0) | (place?.verticalFirst ? 2 : 0);
  if (erasing) words.set([erasing.top, erasing.left, erasing.height, erasing.width, ...erasing.key], 8);
  operations.forEach((operation, slot) => {
    const first = (HEAD_VECTORS + OPERATION_VECTORS * slot) * 4;
    words[first] = OPERATION_CODES[operation.type];
    switch (operation.type) {
      case "posterize":
        words[first + 1] = 0xff & (0xff << (8 - operation.bits));
        break;
      case "solarize":
        floats[first + 1] = operation.threshold;
        break;
      case "affine":
        words.set(new Uint32Array(fixedMatrix(operation.matrix).buffer), first + 1);
        break;
      case "autoContrast":
      case "equalize":
        break;
      default:
        floats[first + 1] = operation.factor;
    }
  });
}
