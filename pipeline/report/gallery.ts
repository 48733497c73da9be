/**
 * Label maps to look at: which images, the heat maps of their best classes, and random crops of them with pooled labels.
 *
 * @module
 */

import { encodePng } from "../../formats/images/encode_png.ts";
import {
  type ClassProbability,
  type LabelMapRow,
  type LabelMaps,
  scoreClasses,
  type ScoredClass,
} from "../../formats/labels/mod.ts";
import { permutation } from "../../formats/base/permutation.ts";
import type { Crop } from "../../kernels/operations/label_pooling/mod.ts";
import { classHeat, heatPixels } from "../pictures/heat_map.ts";
import type { Picture, PictureMaker } from "./pictures.ts";
import { largestIndices } from "../../formats/base/largest.ts";
import { type CropSampling, poolRandomCrops } from "../charts/crops.ts";

/** Where a class is in an image, and how surely. */
export interface HeatMap extends ScoredClass {
  /** A picture with one pixel per cell. */
  readonly picture: Picture;
}

/** A random crop and the label that is pooled for it. */
export interface PooledCrop {
  readonly crop: Pick<Crop, "top" | "left" | "height" | "width">;
  /** The best classes, best first. */
  readonly best: readonly ClassProbability[];
  /** The probability of the class that the image's label stands for; null without one. */
  readonly given: number | null;
}

/** Why an image is shown. */
export type Choice = "several" | "suspicious" | "random";

/** An image of the gallery. */
export interface GalleryImage {
  readonly choice: Choice;
  readonly row: LabelMapRow;
  /** The annotator's class that the label stands for; null if it has none. */
  readonly givenClass: number | null;
  readonly picture: Picture;
  readonly heatMaps: readonly HeatMap[];
  /** Crops of some of the images. */
  readonly crops: readonly PooledCrop[];
}

/** What there is to choose from. */
export interface Candidates {
  /** Keys, the best first. */
  readonly several: readonly string[];
  readonly suspicious: readonly string[];
}

/** What a gallery needs to know. */
export interface GalleryOptions extends CropSampling {
  /** Gives the annotator's class of a label. */
  readonly classOfLabel: (label: number) => number | null;
  /** How many images of each choice are shown with crops; default 2. */
  readonly withCrops?: number;
  /** Called after each image with how many are done. */
  readonly onImage: (done: number, total: number) => void;
}

/** Images of each choice, and how many of these are shown with crops. */
const IMAGES = 3;
const IMAGES_WITH_CROPS = 2;

const CROPS = 4;
const HEAT_MAPS = 3;
const BEST = 3;

/** Pixels of the longer side. */
const SIDE = 320;

/** Keys of each choice that are worth having, since the first ones may be among those chosen before. */
export const CANDIDATES = 3 * IMAGES;

/**
 * Chooses the images of a gallery: some that carry several classes, the most suspicious ones, and some at random, each once.
 *
 * @param labelMaps The label maps.
 * @param candidates Keys of the first two.
 * @param seed Other images for other seeds.
 * @returns Rows of the label maps and why each is there.
 */
export async function chooseImages(
  labelMaps: LabelMaps,
  candidates: Candidates,
  seed: number,
): Promise<{ readonly index: number; readonly choice: Choice }[]> {
  const chosen = new Map<number, Choice>();
  const take = (choice: Choice, indices: Iterable<number | undefined>) => {
    let room = IMAGES;
    for (const index of indices) {
      if (room === 0) return;
      if (index === undefined || chosen.has(index)) continue;
      chosen.set(index, choice);
      room--;
    }
  };
  for (const choice of ["several", "suspicious"] as const) {
    const keys = candidates[choice];
    // Finding the first key reads them all, so nothing is looked for if there is nothing to find.
    take(choice, await Promise.all(keys.map((key) => labelMaps.indexOf(key))));
  }
  take("random", permutation(labelMaps.length, { seed }));
  return [...chosen].map(([index, choice]) => ({ index, choice }));
}

/**
 * Makes the gallery.
 *
 * @param labelMaps The label maps.
 * @param chosen Rows of the label maps to show, and why each is shown.
 * @param pictures Makes the pictures.
 * @param options Labels, and how crops are drawn and pooled.
 * @returns The images in order.
 */
export async function makeGallery(
  labelMaps: LabelMaps,
  chosen: readonly { readonly index: number; readonly choice: Choice }[],
  pictures: PictureMaker,
  options: GalleryOptions,
): Promise<GalleryImage[]> {
  const images: GalleryImage[] = [];
  const shown = { several: 0, suspicious: 0, random: 0 };
  for (const { index, choice } of chosen) {
    const row = await labelMaps.get(index);
    const map = await labelMaps.batch([index]);
    const [height, width] = map.grid;
    const givenClass = row.label === null ? null : options.classOfLabel(row.label);
    const picture = await pictures.of(row.key, SIDE);
    const heatMaps = scoreClasses(row, labelMaps.metadata).slice(0, HEAT_MAPS).map((best) => {
      const pixels = heatPixels(classHeat(map, best.class));
      const png = encodePng(pixels, { width, height, channels: 4 });
      return { ...best, picture: pictures.png(png, { width, height }) };
    });
    let crops: PooledCrop[] = [];
    if (shown[choice]++ < (options.withCrops ?? IMAGES_WITH_CROPS)) {
      // Crops are drawn in the image's own pixels, as in training; label maps that were published do not know them.
      const size = row.width > 0 && row.height > 0 ? row : "url" in picture ? picture : { width: 1, height: 1 };
      crops = poolRandomCrops({ index, map, width: size.width, height: size.height }, options, CROPS).map(
        ({ crop, target }) => {
          const best = largestIndices(target, BEST).map((index) => ({ class: index, probability: target[index] }));
          return { crop, best, given: givenClass === null ? null : target[givenClass] };
        },
      );
    }
    images.push({ choice, row, givenClass, picture, heatMaps, crops });
    options.onImage(images.length, chosen.length);
  }
  return images;
}
