/**
 * What the miniature is made of: how many scenes, what annotates them, and how a student is trained. The choices were made
 * on the scenes' validation split; accuracies are of the test split.
 *
 * What decides whether label maps help is how many objects an image shows. A study in PyTorch, with a weaker annotator than
 * the one in `assets/`, found for students of 1,000 images and 60 epochs, two seeds, validation top-1 in per cent:
 *
 * | training images show | original labels | ReLabel |
 * | --- | --- | --- |
 * | one to four objects | 52.0, 57.8 | 58.9, 58.7 |
 * | three or four | 38.4, 38.8 | 56.3, 56.5 |
 *
 * So students are trained on the latter, and tested on all.
 *
 * Whether multi-labels are better than single ones hangs on the temperature: at 1, the pooled targets of that study gave 0.4
 * of their mass to classes that the crop does not show, at 1/3 0.2. With the annotator in `assets/` and `deno task train`,
 * 1,000 images of three or four objects and 60 epochs, validation top-1 in per cent (each +- 1.1):
 *
 * | temperature | 1 | 0.5 | 0.33 | localized single labels |
 * | --- | --- | --- | --- | --- |
 * | seed 0 | 61.0 | 65.9 | 63.0 | 63.9 |
 * | seed 1 | | 65.5 | | 57.0 |
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { digitsData, fashionData } from "./canvases/canvas_data.ts";
import { SCENES_DATA } from "./scenes_data.ts";
import type { AnnotatorTraining, MiniatureData, Recipe, RecipeDraft, Scale, StudySettings } from "./study_plan.ts";

const SCENES_ANNOTATOR = fromFileUrl(new URL("../../assets/scenes_annotator", import.meta.url));

/** Settings for students that see small images: no change of colours, which are random already, and all of a test image. */
const TRAINING: StudySettings = {
  network: "resnet8_s2",
  size: [32, 32],
  batch: 32,
  lr: 0.1,
  warmupEpochs: 1,
  weightDecay: 5e-4,
  noDecayNorms: true,
  scale: [0.08, 1],
  colourJitter: 0,
  lighting: 0,
  cropPct: 1,
};

const COMMON = {
  data: SCENES_DATA,
  trainImages: 1000,
  leastObjects: 3,
  annotator: SCENES_ANNOTATOR,
  annotatorSize: [64, 64],
  temperature: 0.5,
} as const;

/** The recipe, with students of 1.1 TFLOP each, and with ones of 0.7. */
export const RECIPES = {
  whole: { ...COMMON, testImages: 5000, training: { ...TRAINING, epochs: 60 } },
  quick: { ...COMMON, testImages: 2000, training: { ...TRAINING, epochs: 36 } },
} as const satisfies Readonly<Record<Scale, Recipe>>;

/** The annotator of garments: it learns them one by one, at the size that they have on canvases. */
const GARMENT_ANNOTATOR: AnnotatorTraining = {
  images: 5000,
  testImages: 1000,
  training: { ...TRAINING, epochs: 12, scale: [0.6, 1] },
};

const FASHION_COMMON = {
  trainImages: 1000,
  leastObjects: 2,
  annotator: GARMENT_ANNOTATOR,
  annotatorSize: [64, 64],
  temperature: [1, 0.5, 0.25],
} as const;

/** The names of data that students are fine-tuned on. */
export const targetNames = ["scenes", "fashion", "digits"] as const;

/** What students are fine-tuned on. */
export type TargetName = typeof targetNames[number];

/** Where data are that are not drawn. */
export interface DataFiles {
  /** The folder of Fashion-MNIST. */
  readonly fashion: string;
  /** scikit-learn's table of digits. */
  readonly digits: string;
}

/**
 * Data by their name.
 *
 * @param name The name.
 * @param files The files of data that are not drawn.
 * @returns The data; their files are read when images are made.
 */
export function dataOf(name: TargetName, { fashion, digits }: DataFiles): MiniatureData {
  switch (name) {
    case "scenes":
      return SCENES_DATA;
    case "fashion":
      return fashionData(fashion);
    case "digits":
      return digitsData(digits);
  }
}

/** The names of data that students are trained on. */
export const dataNames = ["scenes", "fashion"] as const;

/** What students are trained on. */
export type DataName = typeof dataNames[number];

/** The fewest objects of training images, unless asked for otherwise. */
export const LEAST_OBJECTS: Readonly<Record<DataName, number>> = {
  scenes: COMMON.leastObjects,
  fashion: FASHION_COMMON.leastObjects,
};

/**
 * The recipe of some data.
 *
 * @param data The kind of images.
 * @param scale How much of it.
 * @param files The files of data that are not drawn.
 * @returns The recipe, which for garments leaves annotator and temperature open.
 */
export function recipeOf(data: DataName, scale: Scale, files: DataFiles): RecipeDraft {
  if (data === "scenes") return RECIPES[scale];
  const [testImages, epochs] = scale === "whole" ? [2000, 30] : [1000, 18];
  return { ...FASHION_COMMON, data: dataOf(data, files), testImages, training: { ...TRAINING, epochs } };
}
