/**
 * What random crops show of the object that the label names, and how sure the pooled labels of these crops are: the paper's
 * figures 2 and 5, of the crops that a training draws.
 *
 * @module
 */

import {
  type Augmentation,
  type AugmentationSettings,
  sampleAugmentation,
} from "../../kernels/operations/augmentation/mod.ts";
import { type Crop, type PoolingOptions, poolLabels } from "../../kernels/operations/label_pooling/mod.ts";
import type { Box } from "../pictures/boxes.ts";
import type { LabelMapBatch } from "../../formats/base/label_map.ts";

/** An image with boxes of its objects. */
export interface BoxedImage {
  /** Its position in the data set, which its crops depend on. */
  readonly index: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Its label map, one; without it no label is pooled. */
  readonly map?: LabelMapBatch;
  readonly boxes: readonly Box[];
  /** The class that the label names, which is that of a box; null where there is no label, and any object counts. */
  readonly label: number | null;
}

/** How a training draws crops and pools their labels. */
export interface CropSampling {
  readonly settings: AugmentationSettings;
  readonly pooling: PoolingOptions;
  readonly seed: number;
}

/** Random crops, one after the other. */
export interface SampledCrops {
  /** Intersection over union with the box of the object that the label names. */
  readonly overlap: Float64Array;
  /** Overlap with the box of the object with which it is largest. */
  readonly bestOverlap: Float64Array;
  /** The largest probability of the label that is pooled for the crop; none where there are no maps. */
  readonly confidence: Float64Array;
}

/** Crops of similar overlap. */
export interface OverlapBin {
  /** In the middle of the bin; 0 for the crops without overlap, which are a bin of their own. */
  readonly overlap: number;
  readonly crops: number;
  /** Mean over these. */
  readonly confidence: number;
}

/** Crops per image, as many as the paper took for figure 2. */
export const CROPS_AN_IMAGE = 100;

/** Bins above 0. */
const BINS = 10;

/**
 * Draws the crops of a training's first epochs, and measures them.
 *
 * @param images The images.
 * @param options How the training draws crops and pools their labels, and its seed.
 * @returns 100 crops of each image.
 */
export async function measureCrops(
  images: AsyncIterable<BoxedImage>,
  sampling: CropSampling,
): Promise<SampledCrops> {
  const overlap: number[] = [];
  const bestOverlap: number[] = [];
  const confidence: number[] = [];
  for await (const { index, map, boxes, label, ...size } of images) {
    const crops = randomCrops({ index, ...size }, sampling, CROPS_AN_IMAGE);
    for (const crop of crops) {
      const overlaps = boxes.map((box) => intersectionOverUnion(crop, box));
      overlap.push(Math.max(...overlaps.filter((_, at) => label === null || boxes[at].index === label)));
      bestOverlap.push(Math.max(...overlaps));
    }
    if (!map) continue;
    for (const target of pooledTargets(map, crops, sampling)) confidence.push(target.reduce((a, b) => Math.max(a, b)));
  }
  return {
    overlap: Float64Array.from(overlap),
    bestOverlap: Float64Array.from(bestOverlap),
    confidence: Float64Array.from(confidence),
  };
}

/**
 * Draws random crops of an image, and pools the label of each.
 *
 * @param image The image.
 * @param sampling How the training draws crops and pools their labels, and its seed.
 * @param count Number of crops: each is that of another epoch.
 * @returns The crops, and the probability of each class for each `[classes]`.
 */
export function poolRandomCrops(
  { map, ...image }: Pick<BoxedImage, "index" | "width" | "height"> & { readonly map: LabelMapBatch },
  sampling: CropSampling,
  count: number,
): { readonly crop: Augmentation["crop"]; readonly target: Float64Array }[] {
  const crops = randomCrops(image, sampling, count);
  const targets = pooledTargets(map, crops, sampling);
  return crops.map((crop, place) => ({ crop, target: targets[place] }));
}

/** Crops of an image, each that of another epoch. */
function randomCrops(
  { index, ...size }: Pick<BoxedImage, "index" | "width" | "height">,
  { settings, seed }: CropSampling,
  count: number,
): Augmentation["crop"][] {
  return Array.from({ length: count }, (_, epoch) => sampleAugmentation(settings, { seed, epoch, index }, size).crop);
}

/** The label that is pooled for each crop `[classes]`. */
function pooledTargets(
  map: LabelMapBatch,
  crops: readonly Augmentation["crop"][],
  { pooling }: CropSampling,
): Float64Array[] {
  const targets = poolLabels(map, crops.map((crop) => ({ ...crop, map: 0 })), pooling);
  return crops.map((_, place) => targets.subarray(place * map.classes, (place + 1) * map.classes));
}

/**
 * How much two parts of an image have in common.
 *
 * @param first The one part.
 * @param second The other part.
 * @returns Area of their intersection over that of their union, 0 to 1.
 */
export function intersectionOverUnion(
  first: Pick<Crop, "top" | "left" | "height" | "width">,
  second: Pick<Box, "top" | "left" | "height" | "width">,
): number {
  const common = (start: number, length: number, otherStart: number, otherLength: number) =>
    Math.max(Math.min(start + length, otherStart + otherLength) - Math.max(start, otherStart), 0);
  const intersection = common(first.top, first.height, second.top, second.height) *
    common(first.left, first.width, second.left, second.width);
  return intersection / (first.height * first.width + second.height * second.width - intersection);
}

/**
 * The share of values up to a bound.
 *
 * @param values The values.
 * @param bound The bound, included.
 * @returns The share, from 0 to 1.
 */
export function shareUpTo(values: Float64Array, bound: number): number {
  return values.reduce((count, value) => count + (value <= bound ? 1 : 0), 0) / values.length;
}

/**
 * Confidence by overlap.
 *
 * @param crops The crops.
 * @returns The bins with a crop in them, by overlap.
 */
export function confidenceByOverlap({ overlap, confidence }: SampledCrops): OverlapBin[] {
  const bins = Array.from({ length: BINS + 1 }, (): number[] => []);
  overlap.forEach((value, crop) => bins[Math.ceil(value * BINS)].push(confidence[crop]));
  return bins.flatMap((values, bin) =>
    values.length === 0 ? [] : [{
      overlap: bin === 0 ? 0 : (bin - 0.5) / BINS,
      crops: values.length,
      confidence: values.reduce((a, b) => a + b, 0) / values.length,
    }]
  );
}
