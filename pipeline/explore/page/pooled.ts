/**
 * The numbers beside an image: the pooled label of a crop and of the whole, class by class.
 *
 * @module
 */

import { poolLabels } from "../../../kernels/operations/label_pooling/reference.ts";
import type { PoolingOptions } from "../../../kernels/operations/label_pooling/pooling_options.ts";
import { type ClassProbability, scoreClasses, type ScoredClass } from "../../../formats/labels/multi_label.ts";
import type { Box } from "./crop_box.ts";
import type { LabelMapBatch } from "../../../formats/base/label_map.ts";
import { largestIndices } from "../../../formats/base/largest.ts";

/** A class in the label of a crop. */
export interface PooledRow {
  readonly class: number;
  /** In the crop, by each map. */
  readonly crop: readonly number[];
  /** In the whole image, by each map. */
  readonly whole: readonly number[];
}

/** Pooled labels of one or two maps. */
export interface PooledLabels {
  /** The best classes of the crop by any of the maps, and the given label's; the best by the first map first. */
  readonly rows: readonly PooledRow[];
  /** Where the two maps' labels of the crop differ most, by the second less the first; null of one map. */
  readonly difference: ClassProbability | null;
}

/** The whole image. */
const WHOLE: Box = { top: 0, left: 0, height: 1, width: 1 };

/** Classes of a crop that are shown. */
const SHOWN = 6;

/**
 * Pools the labels of a crop, as training does.
 *
 * @param maps One, or two to compare.
 * @param options The `box`, how to pool, and the class that is `given`, null if there is none.
 * @returns The labels.
 */
export function pooledLabels(
  maps: readonly LabelMapBatch[],
  { box, given, ...pooling }: PoolingOptions & { readonly box: Box; readonly given: number | null },
): PooledLabels {
  const targets = maps.map((map) => poolLabels(map, [box], pooling));
  const wholes = maps.map((map) => poolLabels(map, [WHOLE], pooling));
  const shown = new Set(targets.flatMap((target) => largestIndices(target, SHOWN, 0)));
  if (given !== null) shown.add(given);
  const rows = [...shown].map((index) => ({
    class: index,
    crop: targets.map((target) => target[index]),
    whole: wholes.map((whole) => whole[index]),
  }));
  rows.sort((a, b) => b.crop[0] - a.crop[0] || a.class - b.class);
  return { rows, difference: targets.length === 2 ? largestDifference(targets[0], targets[1]) : null };
}

/**
 * The classes of a cell. A crop of one cell is sampled in its middle alone, so that its label is the cell's.
 *
 * @param map The map.
 * @param cell Its row and column.
 * @param pooling How a crop of it is pooled.
 * @returns The best classes of the cell, as many as the map keeps.
 */
export function cellClasses(
  map: LabelMapBatch,
  { row, column }: { readonly row: number; readonly column: number },
  pooling: Pick<PoolingOptions, "missing" | "temperature">,
): ClassProbability[] {
  const [height, width] = map.grid;
  const target = poolLabels(map, [{ top: row / height, left: column / width, height: 0, width: 0, map: 0 }], pooling);
  return largestIndices(target, map.k, 0).map((index) => ({ class: index, probability: target[index] }));
}

/**
 * The classes that maps of an image hold, those first that are in it most surely.
 *
 * @param maps The maps; the first one's scores count.
 * @returns Classes and their scores; 0 for one that is the best of no cell.
 */
export function heldClasses(maps: readonly LabelMapBatch[]): ScoredClass[] {
  if (maps.length === 0) return [];
  const scores = new Map(scoreClasses(maps[0], maps[0]).map((one) => [one.class, one.score]));
  return [...new Set(maps.flatMap((map) => [...map.class]))]
    .map((index) => ({ class: index, score: scores.get(index) ?? 0 }))
    .sort((a, b) => b.score - a.score || a.class - b.class);
}

function largestDifference(first: Float64Array, second: Float64Array): ClassProbability {
  let largest = 0;
  for (let index = 1; index < first.length; index++) {
    if (Math.abs(second[index] - first[index]) > Math.abs(second[largest] - first[largest])) largest = index;
  }
  return { class: largest, probability: second[largest] - first[largest] };
}
