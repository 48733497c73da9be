/**
 * The image-level multi-label of a map of which only the best classes of each cell are known.
 *
 * @module
 */

import type { Classes } from "../formats/labels/mod.ts";

/** The best classes of an image. */
export interface TopClasses {
  readonly topClass: Classes;
  readonly topProbability: Float32Array;
}

/**
 * The best classes of softmax(mean of the map over H and W), where a class counts as logit 0 in a cell that does not hold
 * it: the published rule. It is what `poolLabels` gives in the mode `global-multi`, without its weighing of cells: 10 us a
 * map of 15 x 15 cells instead of 340.
 *
 * @param map Class indices and logits `[k, H, W]`.
 * @param options Number of `cells`, H x W, and of `classes`.
 * @returns The best 5, or all where there are fewer; of equals the first.
 */
export function topClassesOf(
  map: { class: Classes; score: Float32Array },
  { cells, classes }: { cells: number; classes: number },
): TopClasses {
  const sums = new Float64Array(classes);
  for (let index = 0; index < map.class.length; index++) sums[map.class[index]] += map.score[index];
  const count = Math.min(5, classes);
  const best: number[] = [];
  for (let index = 0; index < classes; index++) {
    if (best.length === count && !(sums[index] > sums[best[count - 1]])) continue;
    let place = best.length;
    while (place > 0 && sums[index] > sums[best[place - 1]]) place--;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
  }
  const largest = sums[best[0]] / cells;
  let total = 0;
  for (let index = 0; index < classes; index++) total += Math.exp(sums[index] / cells - largest);
  const topClass = classes < 65536 ? Uint16Array.from(best) : Uint32Array.from(best);
  return {
    topClass,
    topProbability: Float32Array.from(best, (index) => Math.exp(sums[index] / cells - largest) / total),
  };
}
