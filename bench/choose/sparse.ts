/**
 * What is kept of dense maps: the k best classes of each cell, as rows of a label-map file and as a batch.
 *
 * @module
 */

import {
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  quantiseMap,
  SCORE_ARRAYS,
} from "../../formats/labels/mod.ts";
import { topClassesOf } from "../../pipeline/convert/top_classes.ts";
import { fixtureMetadata } from "../../tests/formats/labels/fixture.ts";
import type { DenseMaps } from "../dense_maps.ts";
import type { LabelMapBatch } from "../../formats/base/label_map.ts";

/** Classes and logits of the k best, `[N, k, H, W]`. */
export interface BestClasses {
  readonly k: number;
  readonly class: Uint16Array;
  readonly logits: Float32Array;
}

/**
 * Keeps the best classes of each cell; of equal ones the lower index first.
 *
 * @param maps All logits.
 * @param k How many.
 * @returns They, the best first.
 */
export function bestClasses({ count, grid, classes, logits }: DenseMaps, k: number): BestClasses {
  const cells = grid[0] * grid[1];
  const result = { k, class: new Uint16Array(count * k * cells), logits: new Float32Array(count * k * cells) };
  for (let map = 0; map < count; map++) {
    for (let cell = 0; cell < cells; cell++) {
      const row = logits.subarray((map * cells + cell) * classes, (map * cells + cell + 1) * classes);
      const order = Uint16Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b);
      for (let rank = 0; rank < k; rank++) {
        const at = (map * k + rank) * cells + cell;
        result.class[at] = order[rank];
        result.logits[at] = row[order[rank]];
      }
    }
  }
  return result;
}

/** The first ranks of a longer list. */
export function firstRanks(best: BestClasses, { count, grid }: DenseMaps, k: number): BestClasses {
  const [from, to] = [best.k, k].map((ranks) => ranks * grid[0] * grid[1]);
  const result = { k, class: new Uint16Array(count * to), logits: new Float32Array(count * to) };
  for (let map = 0; map < count; map++) {
    for (const name of ["class", "logits"] as const) {
      result[name].set(best[name].subarray(map * from, map * from + to), map * to);
    }
  }
  return result;
}

/** Metadata of files with these maps. */
export function metadataOf({ grid, classes }: DenseMaps, k: number, dtype: LabelMapType): LabelMapMetadata {
  return { ...fixtureMetadata(dtype), classes, k, grid };
}

/** The maps quantised, in one batch. */
export function quantisedMaps(best: BestClasses, maps: DenseMaps, dtype: LabelMapType): LabelMapBatch {
  const { k } = best;
  const metadata = metadataOf(maps, k, dtype);
  const length = k * maps.grid[0] * maps.grid[1];
  const score = new SCORE_ARRAYS[dtype](maps.count * length);
  for (let map = 0; map < maps.count; map++) {
    const [from, to] = [map * length, (map + 1) * length];
    score.set(
      quantiseMap({ class: best.class.subarray(from, to), logits: best.logits.subarray(from, to) }, metadata),
      from,
    );
  }
  return { count: maps.count, k, grid: maps.grid, classes: maps.classes, dtype, class: best.class, score };
}

/** The columns of a row that do not depend on how its map is stored. */
export type RowHead = Omit<LabelMapRow, "class" | "score">;

/** What stands beside each map in its file: keys, labels and sizes as ImageNet's, the five best classes of the image. */
export function rowHeads(best: BestClasses, maps: DenseMaps): RowHead[] {
  const { count, grid, classes } = maps;
  const length = best.k * grid[0] * grid[1];
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index * length, (index + 1) * length];
    const map = { class: best.class.subarray(from, to), score: best.logits.subarray(from, to) };
    return {
      key: `n01440764/n01440764_${10000 + index * 17}.JPEG`,
      label: 0,
      width: 500,
      height: index % 3 === 0 ? 333 : 375,
      ...topClassesOf(map, { k: best.k, grid, classes }),
    };
  });
}
