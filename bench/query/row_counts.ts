/**
 * What reports must find in a generated folder, counted row by row.
 *
 * @module
 */

import { dequantise, type Scores } from "../../formats/labels/mod.ts";
import type { LargeFolder } from "./large_folder.ts";

/** Counts over all rows. */
export interface RowCounts {
  /** By class: images that carry it, and those of them that carry others. */
  readonly carried: ReadonlyMap<number, { images: number; withOthers: number }>;
  /** Images that carry both classes, by `a b` with a < b. */
  readonly pairs: ReadonlyMap<string, number>;
  /** By class: images whose best class it is. */
  readonly best: ReadonlyMap<number, number>;
  /** Images whose best class is their label. */
  readonly agreed: number;
  /** The largest probability of a best class in an image whose label is not among its five. */
  readonly mostDoubted: number;
  /** Sum of all logits of all maps. */
  readonly logits: number;
}

/**
 * Counts.
 *
 * @param folder The folder.
 * @param images Its rows.
 * @param threshold An image carries a class from this probability on.
 * @returns The counts.
 */
export function countRows(folder: LargeFolder, images: number, threshold: number): RowCounts {
  const carried = new Map<number, { images: number; withOthers: number }>();
  const pairs = new Map<string, number>();
  const best = new Map<number, number>();
  const mapSums = new Map<Scores, number>();
  let [agreed, mostDoubted, logits] = [0, 0, 0];
  for (let index = 0; index < images; index++) {
    const { label, topClass, topProbability, score } = folder.row(index);
    const classes = [...topClass].filter((_, rank) => topProbability[rank] >= threshold);
    for (const value of classes) {
      const counts = carried.get(value) ?? { images: 0, withOthers: 0 };
      counts.images++;
      if (classes.length > 1) counts.withOthers++;
      carried.set(value, counts);
      for (const other of classes) {
        if (value < other) add(pairs, `${value} ${other}`);
      }
    }
    const sum = mapSums.get(score) ?? dequantise(score, folder.metadata.dtype).reduce((a, b) => a + b);
    mapSums.set(score, sum);
    logits += sum;
    add(best, topClass[0]);
    if (topClass[0] === label) agreed++;
    if (!topClass.includes(label!)) mostDoubted = Math.max(mostDoubted, topProbability[0]);
  }
  return { carried, pairs, best, agreed, mostDoubted, logits };
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
