/**
 * How the cells of a map become a target, by what its scores are. With s a score of a cell divided by the temperature:
 *
 * | scores | of each cell | their mean over the crop |
 * | --- | --- | --- |
 * | `softmax`, missing classes `zero` | s, 0 where a class is lacking | softmax over all classes |
 * | `softmax`, `uniform` or `renormalise` | softmax in the cell, as {@linkcode MissingRule} says | is the target |
 * | `sigmoid` | s; where a class is lacking the map's floor, or the weakest s of the cell if that is less | the sigmoid of each |
 * | `presence` | the score, 0 where a class is lacking | is the target |
 *
 * In the modes with a single class the target is 1 for the largest mean. With a threshold of presence it is 1 for each of
 * the independent classes whose probability or share is at least that, else 0.
 *
 * Where a bin has no cell at all, since a warp moved the picture out of it, classes that exclude each other are alike; of
 * independent classes none is there.
 *
 * @module
 */

import { checkScores, type LabelMapFormat } from "../../../formats/base/label_map.ts";
import { type PoolingOptions, resolvePooling } from "./pooling_options.ts";

/** What is added up of a cell: its scores; their distance from its floor; or its softmax by the rule of that name. */
export type CellRule = "sum" | "floor" | "uniform" | "renormalise";

/** How the cells of a map become a target. */
export interface PoolingRule {
  readonly cells: CellRule;
  /** The logit of classes that a cell lacks, before the temperature; the rule `floor` has it. */
  readonly floor: number;
  /** The mean of every class where a bin has no cell. */
  readonly nowhere: number;
  /** What makes a target of the means; undefined where they are it. */
  readonly finish?: "softmax" | "sigmoid" | "one hot" | "threshold";
  /** What `one hot` gives each class where all are alike. */
  readonly alike: number;
  /** The mean from which on `threshold` gives 1: a logit of sigmoid maps, else a share. */
  readonly threshold?: number;
}

/** More than any logit is, so that a cell's own weakest is less. Its negative has the probability 0. */
const BEYOND_LOGITS = 1e30;

/**
 * The rule of some maps.
 *
 * @param format What the maps are.
 * @param options How they are pooled.
 * @returns The rule.
 * @throws {TypeError} If an option says what maps of this kind have not.
 * @throws {TypeError | RangeError} If what is said of scores is not valid.
 */
export function poolingRule(format: LabelMapFormat, options: PoolingOptions): PoolingRule {
  const { mode, missing, temperature, presenceThreshold: threshold } = resolvePooling(options);
  const { scores = "softmax", classes, floor = BEYOND_LOGITS } = format;
  const subject = "Cannot pool label maps";
  checkScores(format, subject);
  const single = mode.endsWith("single") ? "one hot" : undefined;
  if (threshold !== undefined && (scores === "softmax" || single)) {
    throw new TypeError(
      `${subject}: presenceThreshold is ${threshold}, but ` +
        (single ? `mode is "${mode}", which names one class` : "their scores are of classes that exclude each other"),
    );
  }
  if (scores === "softmax") {
    const cells = missing === "zero" ? "sum" : missing;
    const finish = single ?? (cells === "sum" ? "softmax" : undefined);
    return { cells, floor, nowhere: cells === "sum" ? 0 : 1 / classes, finish, alike: 1 / classes };
  }
  if (missing !== "zero") {
    throw new TypeError(
      `${subject}: missing is "${missing}", but their scores are of independent classes (${scores}), which share nothing`,
    );
  }
  if (scores === "sigmoid") {
    const rule = { cells: "floor", floor, nowhere: -BEYOND_LOGITS, alike: 0 } as const;
    if (threshold === undefined) return { ...rule, finish: single ?? "sigmoid" };
    return { ...rule, finish: "threshold", threshold: Math.log(threshold / (1 - threshold)) };
  }
  if (temperature !== 1) {
    throw new TypeError(`${subject}: temperature is ${temperature}, but their scores are probabilities (presence)`);
  }
  const finish = threshold === undefined ? single : "threshold";
  return { cells: "sum", floor, nowhere: 0, finish, alike: 0, threshold };
}
