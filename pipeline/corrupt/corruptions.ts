/**
 * The fifteen corruptions of ImageNet-C by their folders' names, with the parameters of the published ones at five severities
 * (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", 2019, section
 * 3; motion blur and sizes other than 224 as Michaelis et al. have them, "Benchmarking Robustness in Object Detection", 2019).
 *
 * The parameters are in pixels and made for pictures of about 224 x 224: smaller ones are hurt more.
 *
 * @module
 */

import { hashText } from "../../formats/base/text_hash.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { randomKey, randomNumbers } from "../../formats/base/random.ts";
import { defocusBlur, glassBlur, motionBlur, zoomBlur } from "./blur.ts";
import type { Corruption } from "./corruption.ts";
import { brightness, contrast, elasticTransform, jpegCompression, pixelate } from "./digital.ts";
import { gaussianNoise, impulseNoise, shotNoise } from "./noise.ts";
import { pictureOf, pixelsOf } from "./picture.ts";
import { fog, frost, snow } from "./weather.ts";

/** Corruptions by name, in the paper's order. */
export const CORRUPTIONS = {
  gaussian_noise: gaussianNoise,
  shot_noise: shotNoise,
  impulse_noise: impulseNoise,
  defocus_blur: defocusBlur,
  glass_blur: glassBlur,
  motion_blur: motionBlur,
  zoom_blur: zoomBlur,
  snow,
  frost,
  fog,
  brightness,
  contrast,
  elastic_transform: elasticTransform,
  pixelate,
  jpeg_compression: jpegCompression,
} as const satisfies Readonly<Record<string, Corruption>>;

/** The name of a corruption. */
export type CorruptionName = keyof typeof CORRUPTIONS;

/** Their names, in order. */
export const corruptionNames = Object.keys(CORRUPTIONS) as CorruptionName[];

/**
 * Corrupts an image. What is random of it depends on the seed, the image's key, the corruption and the severity alone.
 *
 * @param image The image.
 * @param options Which corruption, how severe (1 to 5), the seed, and the key.
 * @returns The corrupted image, of the same size.
 */
export async function corruptImage(
  image: Pixels,
  { corruption, severity, seed, key }: {
    readonly corruption: CorruptionName;
    readonly severity: number;
    readonly seed: number;
    readonly key: string;
  },
): Promise<Pixels> {
  const random = randomNumbers(randomKey([seed, hashText(key), corruptionNames.indexOf(corruption), severity]));
  return pixelsOf(await CORRUPTIONS[corruption](pictureOf(image), severity, random));
}
