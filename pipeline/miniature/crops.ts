/**
 * What random crops show of the object that the label names, and how sure the pooled labels of these crops are: the paper's
 * figures 2 and 5, of the crops that a student is trained on.
 *
 * @module
 */

import { join } from "@std/path";
import { openImages } from "../../formats/images/mod.ts";
import { LabelMaps } from "../../formats/labels/mod.ts";
import { sampleAugmentation } from "../../kernels/operations/augmentation/mod.ts";
import { type Crop, poolLabels } from "../../kernels/operations/label_pooling/mod.ts";
import { type Box, readBoxes } from "../boxes.ts";
import { sceneClasses } from "../scenes/classes.ts";
import { SCENE_SIZE } from "../scenes/layout.ts";
import { augmentationOf } from "../training/batch.ts";
import type { TrainingOptions } from "../training/options.ts";
import { meanOf } from "./statistics.ts";

/** Random crops, one after the other. */
export interface SampledCrops {
  /** Intersection over union with the box of the object that the label names. */
  readonly overlap: Float64Array;
  /** The same with the box of the object with which it is largest. */
  readonly bestOverlap: Float64Array;
  /** The largest probability of the label that is pooled for the crop. */
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

/** As the paper took for figure 2. */
const CROPS_AN_IMAGE = 100;

/** Bins above 0. */
const BINS = 10;

const CLASS_NAMES = sceneClasses.map(({ name }) => name);

/**
 * Draws the crops of a student's first epochs.
 *
 * @param options The student's, with label maps.
 * @param scenes The folder of its training scenes.
 * @returns 100 crops of each image.
 * @throws {Error} If a table or map cannot be read.
 */
export async function sampleCrops(options: TrainingOptions, scenes: string): Promise<SampledCrops> {
  const { seed, mode, missing, temperature } = options;
  const settings = augmentationOf(options);
  const boxesOf = readBoxes(join(scenes, "boxes.csv"), (name) => CLASS_NAMES.indexOf(name));
  const images = await Array.fromAsync((await openImages(options.images)).list());
  const count = images.length * CROPS_AN_IMAGE;
  const overlap = new Float64Array(count);
  const bestOverlap = new Float64Array(count);
  const confidence = new Float64Array(count);
  const maps = await LabelMaps.open(options.maps!, { preload: true });
  try {
    for (const [index, { key }] of images.entries()) {
      const crops = Array.from(
        { length: CROPS_AN_IMAGE },
        (_, epoch) =>
          sampleAugmentation(settings, { seed, epoch, index }, { width: SCENE_SIZE, height: SCENE_SIZE }).crop,
      );
      const map = await maps.batch([(await maps.indexOf(key))!]);
      const targets = poolLabels(map, crops.map((crop) => ({ ...crop, map: 0 })), { mode, missing, temperature });
      const boxes = boxesOf.get(key.slice(0, key.lastIndexOf(".")))!;
      const label = CLASS_NAMES.indexOf(key.split("/")[0]);
      crops.forEach((crop, place) => {
        const at = index * CROPS_AN_IMAGE + place;
        const overlaps = boxes.map((box) => intersectionOverUnion(crop, box));
        overlap[at] = overlaps[boxes.findIndex((box) => box.index === label)];
        bestOverlap[at] = Math.max(...overlaps);
        confidence[at] = Math.max(...targets.subarray(place * map.classes, (place + 1) * map.classes));
      });
    }
  } finally {
    maps.close();
  }
  return { overlap, bestOverlap, confidence };
}

/**
 * How much two parts of an image have in common.
 *
 * @param first One.
 * @param second The other.
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
 * @param bound Included.
 * @returns From 0 to 1.
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
    values.length === 0
      ? []
      : [{ overlap: bin === 0 ? 0 : (bin - 0.5) / BINS, crops: values.length, confidence: meanOf(values).value }]
  );
}
