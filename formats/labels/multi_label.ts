/**
 * The multi-label of an image: which classes are in it, told from its label map whatever the grid.
 *
 * A mean over the whole map, as the classifier's own pooling takes it, forgets what fills a small part of the picture, the
 * more so the finer the grid. This rule asks instead how sure the annotator is where it is surest:
 *
 * | step | of | value |
 * | --- | --- | --- |
 * | 1 | a cell | `p`, the probability of its best class: softmax over its classes, the 5 best at most, where each other class counts as logit 0 as in LabelPooling, or as the weakest of the kept ones if that is less; below 0.05 the cell says nothing |
 * | 2 | a class | `strongest`, the mean of `p` over the twenty-fifth of the map where it is largest, among cells whose best class it is; cells that are lacking count 0 |
 * | 3 | a class | `extent`, the sum of `p` over all such cells |
 * | 4 | a class | score = strongest * extent / (extent + largest extent of another class / 2) |
 *
 * Scores of independent classes (`sigmoid` and `presence` maps) need no such care, since each says of its class alone:
 *
 * | step | of | value |
 * | --- | --- | --- |
 * | 1 | a class in a cell | `p`, the sigmoid of its logit, or the score itself where it is a probability; below 0.05 it says nothing |
 * | 2 | a class | score: the mean of `p` over the twenty-fifth of the map where it is largest, or of probabilities the largest `p` |
 *
 * For logits, step 2 makes the score the same for grids of any fineness;
 * step 4 keeps one object that fills the picture one class,
 * since what the annotator takes its parts for is small beside it. Both, and the threshold, were measured on pictures of
 * known content (`deno task bench:presence`, `docs/scores.md`). `pipeline/query/label_maps.sql` states the same rule as the view `image_scores`.
 *
 * @module
 */

import { dequantise } from "../base/scores.ts";
import type { LabelMapFormat } from "../base/label_map.ts";
import type { LabelMapRow } from "./types.ts";

/** A class and how sure it is. */
export interface ClassProbability {
  readonly class: number;
  readonly probability: number;
}

/** A class and how surely it is in an image. */
export interface ScoredClass {
  /** The annotator's class index. */
  readonly class: number;
  /** How surely it is in the image, 0 to 1. It is no probability: scores do not add up to 1. */
  readonly score: number;
}

/** The least score of a class that is in the image, unless another threshold is given. */
export const MULTI_LABEL_THRESHOLD = 0.3;

/** Classes of a cell that its softmax looks at. */
const CELL_CLASSES = 5;
/** Cells whose best class has less say nothing. */
const LEAST_PROBABILITY = 0.05;
/** The part of the map in which a class is to be strong. */
const STRONGEST_PART = 1 / 25;
/** How much of another class's extent counts against a class. */
const RIVALRY = 1 / 2;

/**
 * Scores every class that is the best of a cell, or of independent classes every one that a cell holds: how surely it is in
 * the image.
 *
 * @param map Class indices and scores `[k, H, W]`.
 * @param metadata Metadata of the map.
 * @returns Classes, the highest score first, of equals the lower index; empty if no cell says anything.
 *
 * @example
 * ```ts
 * import { openLabelMaps, scoreClasses } from "./mod.ts";
 *
 * const labelMaps = await openLabelMaps("labels");
 * const [best] = scoreClasses(await labelMaps.get(0), labelMaps.metadata);
 * console.log(best.class, best.score);
 * labelMaps.close();
 * ```
 */
export function scoreClasses(
  map: Pick<LabelMapRow, "class" | "score">,
  metadata: LabelMapFormat,
): ScoredClass[] {
  if ((metadata.scores ?? "softmax") !== "softmax") return scoreIndependent(map, metadata);
  const cells = metadata.grid[0] * metadata.grid[1];
  const probabilities = new Map<number, number[]>();
  bestProbabilities(dequantise(map.score, metadata.dtype), cells, metadata).forEach((probability, cell) => {
    if (probability < LEAST_PROBABILITY) return;
    const found = probabilities.get(map.class[cell]);
    if (found) found.push(probability);
    else probabilities.set(map.class[cell], [probability]);
  });
  const part = strongestPart(cells);
  const classes = [...probabilities].map(([index, found]) => ({
    class: index,
    strongest: meanOfLargest(found, part),
    extent: sum(found),
  }));
  const extents = classes.map(({ extent }) => extent).sort((a, b) => b - a);
  return classes.map(({ class: index, strongest, extent }) => {
    const other = (extent === extents[0] ? extents[1] : extents[0]) ?? 0;
    return { class: index, score: strongest * extent / (extent + RIVALRY * other) };
  }).sort(byScore);
}

/** The rule of independent classes. */
function scoreIndependent(
  map: Pick<LabelMapRow, "class" | "score">,
  { grid, dtype, scores }: LabelMapFormat,
): ScoredClass[] {
  const found = new Map<number, number[]>();
  dequantise(map.score, dtype).forEach((score, place) => {
    const probability = scores === "presence" ? score : 1 / (1 + Math.exp(-score));
    if (probability < LEAST_PROBABILITY) return;
    const known = found.get(map.class[place]);
    if (known) known.push(probability);
    else found.set(map.class[place], [probability]);
  });
  const part = scores === "presence" ? 1 : strongestPart(grid[0] * grid[1]);
  return [...found].map(([index, probabilities]) => ({ class: index, score: meanOfLargest(probabilities, part) }))
    .sort(byScore);
}

/** Cells of the part of a map in which a class is to be strong. */
function strongestPart(cells: number): number {
  return Math.max(1, Math.round(cells * STRONGEST_PART));
}

/** The mean of the largest values, where values that are lacking are 0. */
function meanOfLargest(values: number[], count: number): number {
  return sum(values.sort((a, b) => b - a).slice(0, count)) / count;
}

/** The highest score first, of equals the lower class. */
function byScore(one: ScoredClass, other: ScoredClass): number {
  return other.score - one.score || one.class - other.class;
}

/**
 * The multi-label of an image: the classes that are in it.
 *
 * @param map Class indices and scores `[k, H, W]`.
 * @param metadata Metadata of the map.
 * @param threshold The least score of a class that is in the image, 0 to 1.
 * @returns Classes, the highest score first; empty if none reaches the threshold.
 */
export function multiLabel(
  map: Pick<LabelMapRow, "class" | "score">,
  metadata: LabelMapFormat,
  threshold: number = MULTI_LABEL_THRESHOLD,
): ScoredClass[] {
  return scoreClasses(map, metadata).filter(({ score }) => score >= threshold);
}

/** The probability of each cell's best class. */
function bestProbabilities(
  logits: Float32Array,
  cells: number,
  { k, classes }: Pick<LabelMapFormat, "k" | "classes">,
): Float64Array {
  const ranks = Math.min(k, CELL_CLASSES);
  return Float64Array.from({ length: cells }, (_, cell) => {
    const best = logits[cell];
    let [total, weakest] = [1, Math.min(0, best)];
    for (let rank = 1; rank < ranks; rank++) {
      const logit = logits[rank * cells + cell];
      total += Math.exp(logit - best);
      weakest = Math.min(weakest, logit);
    }
    return 1 / (total + (classes - ranks) * Math.exp(weakest - best));
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
