/**
 * What the miniature is made of: how many scenes, what annotates them, and how a student is trained. The choices were made
 * on the scenes' validation split; accuracies are of the test split.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { Pair } from "../../kernels/network.ts";
import type { GivenOptions } from "../training/options.ts";

/** All that the results depend on, besides seeds. */
export interface Recipe {
  /** Scenes of the training split that a seed has for itself. */
  readonly trainImages: number;
  /** Scenes of the test split. */
  readonly testImages: number;
  /** What makes the label maps and teaches `distill`: a folder with `config.json` and weights. */
  readonly annotator: string;
  /** Pixels that images are resized to for it. */
  readonly annotatorSize: Pair;
  /** What the logits of maps are divided by. */
  readonly temperature: number;
  /** Settings of each training; others are `deno task train`'s. */
  readonly training: GivenOptions;
}

const SCENES_ANNOTATOR = fromFileUrl(new URL("../../assets/scenes_annotator", import.meta.url));

/** For students that see little: no change of colours, which are random already, and all of a test image. */
const TRAINING: GivenOptions = {
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
  trainImages: 1000,
  annotator: SCENES_ANNOTATOR,
  annotatorSize: [64, 64],
  temperature: 1,
} as const;

/** The recipe with the students of `scenes`' first study, some 7 TFLOP each, and one of a sixth of that. */
export const RECIPES = {
  whole: { ...COMMON, testImages: 5000, training: { ...TRAINING, network: "resnet8x2_s2", epochs: 96 } },
  quick: { ...COMMON, testImages: 2000, training: { ...TRAINING, network: "resnet8_s2", epochs: 60 } },
} as const satisfies Readonly<Record<string, Recipe>>;
