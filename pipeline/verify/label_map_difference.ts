/**
 * How far two label maps of one image are apart.
 *
 * @module
 */

import { numberStep } from "../../formats/base/number_formats.ts";
import { dequantise, type LabelMapMetadata, type LabelMapRow } from "../../formats/labels/mod.ts";

/** A map as stored. */
export type StoredMap = Pick<LabelMapRow, "class" | "score">;

/** How far maps are apart. */
export interface LabelMapDifference {
  /** Logits. */
  readonly largest: number;
  /** Logits beyond what rounding to the stored type can do to two maps that were nearly equal before. */
  readonly beyondRounding: number;
  /** Cells whose best class is another. */
  readonly changedCells: number;
}

/**
 * Logits that rounding can put between two maps that were nearly equal before: one step, if the one was rounded up and the
 * other down. In the 8-bit types half a step at most was carried into a cell from another one with the same class, as
 * `quantiseMap` does it, so that it is two steps, of the largest score that there is.
 */
function roundingOf({ dtype }: LabelMapMetadata, scores: readonly Float32Array[]): (score: number) => number {
  if (dtype === "fp32" || dtype === "fp16") return (score) => numberStep(score, dtype);
  let largest = 0;
  for (const score of scores.flatMap((map) => [...map])) largest = Math.max(largest, Math.abs(score));
  const rounding = 2 * numberStep(largest, dtype);
  return () => rounding;
}

/**
 * Compares the k best classes of each cell, class by class. Of a class that only one map holds in a cell it is known that
 * the other's logit is at most its last one there: it counts by as much as it exceeds that.
 *
 * @param one A map.
 * @param other Another label map of the same image.
 * @param metadata Metadata of both.
 * @returns How far they are apart.
 */
export function compareLabelMaps(
  one: StoredMap,
  other: StoredMap,
  metadata: LabelMapMetadata,
): LabelMapDifference {
  const { k, grid: [height, width], dtype } = metadata;
  const cells = height * width;
  const scores = [dequantise(one.score, dtype), dequantise(other.score, dtype)] as const;
  const rounding = roundingOf(metadata, scores);
  let [largest, beyondRounding, changedCells] = [0, 0, 0];
  const note = (difference: number, score: number) => {
    const size = Math.abs(difference);
    largest = Math.max(largest, size);
    beyondRounding = Math.max(beyondRounding, size - rounding(score));
  };
  /** Ranks of `map` in a cell whose class the other map lacks there count by what they exceed its last score by. */
  const excess = (map: StoredMap, mine: Float32Array, lacking: StoredMap, theirs: Float32Array, cell: number) => {
    const last = theirs[(k - 1) * cells + cell];
    for (let index = cell; index < k * cells; index += cells) {
      if (rankOf(lacking, map.class[index], cell) === undefined) note(Math.max(0, mine[index] - last), mine[index]);
    }
  };
  const rankOf = (map: StoredMap, wanted: number, cell: number) => {
    for (let index = cell; index < k * cells; index += cells) if (map.class[index] === wanted) return index;
  };
  for (let cell = 0; cell < cells; cell++) {
    if (one.class[cell] !== other.class[cell]) changedCells++;
    for (let index = cell; index < k * cells; index += cells) {
      const same = rankOf(other, one.class[index], cell);
      if (same !== undefined) {
        note(scores[0][index] - scores[1][same], Math.max(Math.abs(scores[0][index]), Math.abs(scores[1][same])));
      }
    }
    excess(one, scores[0], other, scores[1], cell);
    excess(other, scores[1], one, scores[0], cell);
  }
  return { largest, beyondRounding, changedCells };
}
