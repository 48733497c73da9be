/**
 * LabelPooling on the CPU, as plain loops in float64: what the kernels are held to, and what runs where no GPU is.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { activationRule } from "../activation/functions/mod.ts";
import { softmaxReference } from "../softmax/kernels.ts";
import { type Crop, isShown, type SamplingRegion, samplingRegion } from "./crop.ts";
import { type Interpolation, type PoolingOptions, resolvePooling } from "./pooling_options.ts";
import { type CellRule, type PoolingRule, poolingRule } from "./pooling_rule.ts";
import { checkMaps } from "./stored_maps.ts";
import { scoreTable } from "../../../formats/base/scores.ts";
import type { LabelMapBatch } from "../../../formats/base/label_map.ts";

/**
 * LabelPooling on the CPU: the targets of crops.
 *
 * @param maps The label maps.
 * @param crops The crops; crop i is of map i unless it names another.
 * @param options The variant, the rule for missing classes, bins, temperature.
 * @returns `[crops, C]`, or `[crops, height, width, C]` where `outputSize` is larger than 1: probabilities, with the sum 1
 * unless the maps' scores are of independent classes.
 * @throws {RangeError} If a crop is not a part of the image, or of a map that is not there; if a class index is not below
 * the number of classes.
 * @throws {TypeError} If the maps' arrays have the wrong type or length, or an option is unknown or none of such maps.
 *
 * @example
 * ```ts
 * import { openLabelMaps, poolLabels } from "./mod.ts";
 *
 * const labelMaps = await openLabelMaps("labels");
 * const upperLeft = { top: 0, left: 0, height: 0.5, width: 0.5 };
 * const target = poolLabels(await labelMaps.batch([0]), [upperLeft]);
 * console.log(target.length, target.indexOf(Math.max(...target)));
 * labelMaps.close();
 * ```
 */
export function poolLabels(maps: LabelMapBatch, crops: readonly Crop[], options: PoolingOptions = {}): Float64Array {
  const { interpolation, outputSize, temperature } = resolvePooling(options);
  const rule = poolingRule(maps, options);
  checkMaps(maps);
  const { classes, grid } = maps;
  const bins = outputSize[0] * outputSize[1];
  const targets = new Float64Array(crops.length * bins * classes);
  samplingRegions(maps, crops, options).forEach((region, index) => {
    for (let bin = 0; bin < bins; bin++) {
      const weights = cellWeights(region, { bin, grid, outputSize, interpolation });
      const pooled = poolCells(maps, region.map, weights, { ...rule, temperature });
      targets.set(finishTarget(pooled, rule), (index * bins + bin) * classes);
    }
  });
  return targets;
}

/**
 * Where crops are sampled: the whole image in the global modes, whose one bin is then the mean of all cells.
 *
 * @param maps Their number and grid.
 * @param crops The crops.
 * @param options Mode, layout and bins.
 * @returns A region for each crop.
 * @throws {RangeError} If a crop is not a part of the image, or of a map that is not there.
 */
export function samplingRegions(
  maps: Pick<LabelMapBatch, "count" | "grid">,
  crops: readonly Crop[],
  options: PoolingOptions,
): SamplingRegion[] {
  const { mode, layout, outputSize } = resolvePooling(options);
  return crops.map((crop, index) => {
    const part = mode.startsWith("local") ? crop : { top: 0, left: 0, height: 1, width: 1, map: crop.map };
    const region = samplingRegion(part, { index, grid: maps.grid, layout, outputSize });
    if (!Number.isInteger(region.map) || region.map < 0 || region.map >= maps.count) {
      throw new RangeError(`Cannot pool crop ${index}: map ${region.map} is not among the ${maps.count} maps`);
    }
    return region;
  });
}

/**
 * How much each cell counts for a bin: the mean, over the bin's samples, of what each reads. Samples where the picture is
 * empty, and those more than a cell's width outside the map, which only a warp can bring about, are left out of the mean.
 *
 * @param region Where the crop is sampled.
 * @param options `bin` counts row by row; `grid` and `outputSize` in cells and bins.
 * @returns `[H * W]` with the sum 1, or 0 everywhere if no sample is left: the bin knows nothing, and all classes are alike.
 */
export function cellWeights(
  region: SamplingRegion,
  options: { bin: number; grid: Pair; outputSize: Pair; interpolation: Interpolation },
): Float64Array {
  const { bin, grid: [rows, columns], outputSize: [binRows, binColumns], interpolation } = options;
  const { origin: [originY, originX], down, right, samples, frames } = region;
  const weights = new Float64Array(rows * columns);
  const reach = interpolation === "bilinear" ? 2 : 1;
  let inside = 0;
  for (let i = 0; i < samples[0]; i++) {
    const v = (Math.floor(bin / binColumns) + (i + 0.5) / samples[0]) / binRows;
    for (let j = 0; j < samples[1]; j++) {
      const u = (bin % binColumns + (j + 0.5) / samples[1]) / binColumns;
      let y = originY + v * down[0] + u * right[0];
      let x = originX + v * down[1] + u * right[1];
      if (y < -1 || y > rows || x < -1 || x > columns || !isShown(frames, u, v)) continue;
      inside++;
      y = Math.min(Math.max(y, 0), rows - 1);
      x = Math.min(Math.max(x, 0), columns - 1);
      if (interpolation === "nearest") {
        y = Math.floor(y + 0.5);
        x = Math.floor(x + 0.5);
      }
      const top = Math.floor(y);
      const left = Math.floor(x);
      for (let row = top; row < Math.min(top + reach, rows); row++) {
        for (let column = left; column < Math.min(left + reach, columns); column++) {
          weights[row * columns + column] += (1 - Math.abs(y - row)) * (1 - Math.abs(x - column));
        }
      }
    }
  }
  return inside > 0 ? weights.map((weight) => weight / inside) : weights;
}

/** Sums a map's cells by class. */
function poolCells(
  maps: LabelMapBatch,
  map: number,
  weights: Float64Array,
  { cells: rule, floor, nowhere, temperature }: PoolingRule & { temperature: number },
): Float64Array {
  const { k, classes, dtype } = maps;
  const cells = weights.length;
  const pooled = new Float64Array(classes);
  const scores = new Float64Array(k);
  const table = scoreTable(dtype);
  const term = cellTerms(rule, { k, classes, floor: floor / temperature });
  let total = 0;
  let share = 0;
  for (let cell = 0; cell < cells; cell++) {
    const weight = weights[cell];
    if (weight === 0) continue;
    total += weight;
    for (let rank = 0; rank < k; rank++) {
      const stored = maps.score[(map * k + rank) * cells + cell];
      scores[rank] = (table ? table[stored] : stored) / temperature;
    }
    const { lacking, of } = term(scores);
    share += weight * lacking;
    for (let rank = 0; rank < k; rank++) {
      const index = maps.class[(map * k + rank) * cells + cell];
      if (index >= classes) {
        throw new RangeError(`Cannot pool map ${map}: it holds class ${index}, expected less than ${classes}`);
      }
      pooled[index] += weight * (of(scores[rank]) - lacking);
    }
  }
  return pooled.map((value) => value + (total === 0 ? nowhere : share));
}

/** What classes count in a cell: those that it lacks, and those of a score. */
function cellTerms(
  rule: CellRule,
  { k, classes, floor }: { k: number; classes: number; floor: number },
): (scores: Float64Array) => { lacking: number; of: (score: number) => number } {
  const asItIs = (score: number) => score;
  if (rule === "sum") return () => ({ lacking: 0, of: asItIs });
  if (rule === "floor") return (scores) => ({ lacking: Math.min(floor, ...scores), of: asItIs });
  return (scores) => {
    // The logit 0 of the classes the cell lacks is one among those of the softmax only where they have a share.
    const largest = Math.max(...scores, rule === "uniform" ? 0 : -Infinity);
    const other = rule === "uniform" ? Math.exp(-largest) : 0;
    const sum = scores.reduce((sum, score) => sum + Math.exp(score - largest), (classes - k) * other);
    return { lacking: other / sum, of: (score) => Math.exp(score - largest) / sum };
  };
}

/** The target that the means of a bin are, or that is made of them. */
function finishTarget(pooled: Float64Array, { finish, alike, threshold }: PoolingRule): Float64Array {
  if (finish === "threshold") return pooled.map((value) => value >= threshold! ? 1 : 0);
  if (finish === "one hot") return oneHot(pooled, alike);
  if (finish === "softmax") return softmaxReference(pooled, pooled.length);
  return finish === "sigmoid" ? pooled.map(activationRule("sigmoid").reference) : pooled;
}

/** 1 for the highest value, the first of equals; `alike` for each where all are equal. */
function oneHot(values: Float64Array, alike: number): Float64Array {
  const target = new Float64Array(values.length);
  if (values.every((value) => value === values[0])) return target.fill(alike);
  let best = 0;
  values.forEach((value, index) => {
    if (value > values[best]) best = index;
  });
  target[best] = 1;
  return target;
}
