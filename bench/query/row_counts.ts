/**
 * What reports must find in a generated folder, counted row by row.
 *
 * @module
 */

import { dequantise, scoreClasses, type ScoredClass, type Scores } from "../../formats/labels/mod.ts";
import type { LargeFolder } from "./large_folder.ts";

/** Counts over all rows. */
export interface RowCounts {
  /** By class: images that carry it, and those of them that carry others. */
  readonly carried: ReadonlyMap<number, { images: number; withOthers: number }>;
  /** Images that carry both classes, by `a b` with a < b. */
  readonly pairs: ReadonlyMap<string, number>;
  /** By class: images whose best class it is. */
  readonly best: ReadonlyMap<number, number>;
  /** Images of which the classifier says their label. */
  readonly agreed: number;
  /** The largest score of a best class in an image in which its label has none. */
  readonly mostDoubted: number;
  /** Sum of all logits of all maps. */
  readonly logits: number;
}

/**
 * Counts.
 *
 * @param folder The folder.
 * @param images Its rows.
 * @param threshold An image carries a class from this score on.
 * @returns The counts.
 */
export function countRows(folder: LargeFolder, images: number, threshold: number): RowCounts {
  const carried = new Map<number, { images: number; withOthers: number }>();
  const pairs = new Map<string, number>();
  const best = new Map<number, number>();
  const known = new Map<Scores, { readonly sum: number; readonly scored: readonly ScoredClass[] }>();
  const { metadata } = folder;
  let [agreed, mostDoubted, logits] = [0, 0, 0];
  for (let index = 0; index < images; index++) {
    const row = folder.row(index);
    const { label, topClass, score } = row;
    const map = known.get(score) ?? {
      sum: dequantise(score, metadata.dtype).reduce((a, b) => a + b),
      scored: scoreClasses(row, metadata),
    };
    known.set(score, map);
    const { sum, scored } = map;
    const classes = scored.filter((one) => one.score >= threshold).map((one) => one.class);
    for (const value of classes) {
      const counts = carried.get(value) ?? { images: 0, withOthers: 0 };
      counts.images++;
      if (classes.length > 1) counts.withOthers++;
      carried.set(value, counts);
      for (const other of classes) {
        if (value < other) add(pairs, `${value} ${other}`);
      }
    }
    logits += sum;
    if (topClass[0] === label) agreed++;
    if (scored.length === 0) continue;
    add(best, scored[0].class);
    if (!scored.some((one) => one.class === label)) mostDoubted = Math.max(mostDoubted, scored[0].score);
  }
  return { carried, pairs, best, agreed, mostDoubted, logits };
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
