/**
 * What a study is, and what it is run with: data, recipe and seeds.
 *
 * @module
 */

import type { Pair } from "../../kernels/operations/shared/window.ts";
import type { Split } from "../scenes/scene_numbers.ts";
import type { GivenSettings } from "../training/settings.ts";
import type { SupervisionName } from "./supervisions.ts";
import type { MiniatureWatch } from "./watch.ts";

/** Images of a split. */
export interface ImageRange {
  readonly split: Split;
  /** The index of the first. */
  readonly start: number;
  readonly images: number;
  /** The fewest objects that an image shows; default 1. */
  readonly leastObjects?: number;
}

/** Images of which everything is known, made as they are needed. */
export interface MiniatureData {
  /** Names of the classes, in the order of their folders. */
  readonly classes: readonly string[];
  /** Width and height of an image in pixels. */
  readonly side: number;
  /** What a label names of what its image shows, for the notes below a table. */
  readonly labelRule: string;
  /**
   * Writes images, or what of them is not there yet, as `deno task scenes` lays out a split.
   *
   * @param folder The split's folder.
   * @param range The images to write.
   * @param watch Progress and signals.
   * @returns `ceiling`: the share of labels that are right for who always names the class most likely to be the label.
   * @throws {Error} If the folder was begun with others, or something cannot be read or written.
   */
  write(folder: string, range: ImageRange, watch: MiniatureWatch): Promise<{ readonly ceiling: number }>;
  /**
   * Writes images of one object each, as large as in the others, for an annotator to learn; where there is no such function,
   * an annotator is at hand.
   *
   * @param folder The folder.
   * @param range Which of the `extra` split, or for validation of the test split.
   * @param watch Progress and signals.
   * @throws {Error} If the folder was begun with others, or something cannot be read or written.
   */
  writeSingles?(folder: string, range: ImageRange, watch: MiniatureWatch): Promise<void>;
}

/** Settings of a training that are not the default ones. */
export type StudySettings = GivenSettings & { readonly batch: number };

/** How an annotator is trained. */
export interface AnnotatorTraining {
  /** Images of one object each, and others that it is tested on. */
  readonly images: number;
  readonly testImages: number;
  readonly training: StudySettings;
}

/** Everything that the results depend on, besides seeds. */
export interface Recipe {
  readonly data: MiniatureData;
  /** Images of the training split that a seed has for itself. */
  readonly trainImages: number;
  /** The fewest objects of those, 1 to 4. */
  readonly leastObjects: number;
  /** Images of the test split. */
  readonly testImages: number;
  /** What makes the label maps and teaches `distill`: a folder with `config.json` and weights. */
  readonly annotator: string;
  /** Pixels that images are resized to for it. */
  readonly annotatorSize: Pair;
  /** What the logits of maps are divided by. */
  readonly temperature: number;
  /** Settings of each training; others are `deno task train`'s. */
  readonly training: StudySettings;
}

/** A recipe whose annotator is still to be trained, or whose temperature to be chosen. */
export interface RecipeDraft extends Omit<Recipe, "annotator" | "temperature"> {
  readonly annotator: string | AnnotatorTraining;
  /** One, or those of which the best is taken, by the validation split. */
  readonly temperature: number | readonly number[];
}

/** What a study is run with. */
export interface StudyPlan {
  /** The folder of it all. */
  readonly output: string;
  readonly recipe: Recipe;
  /** Seeds of the repetitions; each has its own training images and weights. */
  readonly seeds: readonly number[];
  /** What is compared, where a study compares supervisions; the original labels are among it. */
  readonly supervisions: readonly SupervisionName[];
  /** What students are fine-tuned on, where a study does and that is not the recipe's own data. */
  readonly target?: FineTuningData;
}

/** Other data than those that students are trained on. */
export interface FineTuningData {
  /** What they are called, in names of folders and in tables. */
  readonly name: string;
  readonly data: MiniatureData;
}

/** What a study found. */
export interface StudyResult {
  /** Tables and charts by the name of their file. */
  readonly files: Readonly<Record<string, string>>;
  /** Tables for the eye. */
  readonly lines: readonly string[];
}

/** How much a study is run with. */
export type Scale = "whole" | "quick";

/** A study: what `--study NAME` names. */
export interface Study {
  /** What it is about, for the help. */
  readonly title: string;
  /** The supervisions that it compares unless told otherwise; undefined if it compares something else. */
  readonly supervisions?: Readonly<Record<Scale, readonly SupervisionName[]>>;
  /**
   * Runs it, or what of it is not done yet.
   *
   * @param plan What it is run with.
   * @param watch Progress and signals.
   * @returns What was found; the files are not written yet.
   * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
   */
  run(plan: StudyPlan, watch: MiniatureWatch): Promise<StudyResult>;
}
