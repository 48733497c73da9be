/**
 * What is known of an image's pixels as a label map: its score is how much of a class a cell shows, from 0 to 1, and any number
 * of classes is in a cell. The paper's oracle, `L` in `{0, 1}` (section 4.3).
 *
 * @module
 */

import {
  classArray,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  quantise,
  topLength,
} from "../../formats/labels/mod.ts";
import { cellShares, type MaskRuns, type Size, uniteRuns } from "../../formats/masks/mod.ts";
import { largestIndices } from "../../formats/base/largest.ts";

/** What a cell's score is: 1 where the class has any part of the cell, or the share of the cell that the class covers. */
export type PresenceRule = "any" | "share";

/** Every {@linkcode PresenceRule}. */
export const presenceRules: readonly PresenceRule[] = ["any", "share"];

/** How scores are stored unless it is said: 0 and 1 are exact in 8 bits, a share is within 1/4096 in 16. */
export const PRESENCE_TYPES: Readonly<Record<PresenceRule, LabelMapType>> = { any: "fp8_e4m3", share: "fp16" };

/** Cells of maps unless it is said: as many as the paper's annotator of COCO has, 640 pixels at a stride of 32. */
export const PRESENCE_GRID: readonly [height: number, width: number] = [20, 20];

/** The shares of cells that the classes of an image cover, `[H * W]` by class index. */
export type ClassShares = ReadonlyMap<number, Float64Array>;

/**
 * How much of each cell each class covers. Where objects of a class overlap, their pixels count once.
 *
 * @param objects Masks and classes of the image's objects.
 * @param image Size of the image.
 * @param grid `[H, W]` of the map.
 * @returns The shares, of classes that cover anything.
 */
export function classShares(
  objects: Iterable<{ readonly class: number; readonly masks: readonly MaskRuns[] }>,
  image: Size,
  [height, width]: readonly [number, number],
): ClassShares {
  const masks = new Map<number, MaskRuns[]>();
  for (const { class: index, masks: some } of objects) masks.set(index, [...masks.get(index) ?? [], ...some]);
  const shares = new Map<number, Float64Array>();
  for (const [index, some] of masks) {
    const runs = uniteRuns(some);
    if (runs.length > 0) shares.set(index, cellShares(runs, image, { height, width }));
  }
  return shares;
}

/**
 * How many classes are in the cell that has the most.
 *
 * @param shares The shares of an image.
 * @returns The number, 0 for an image without objects.
 */
export function mostClasses(shares: ClassShares): number {
  const [first, ...others] = shares.values();
  if (first === undefined) return 0;
  const counts = Uint32Array.from(first, (share) => share > 0 ? 1 : 0);
  for (const cells of others) cells.forEach((share, cell) => counts[cell] += share > 0 ? 1 : 0);
  return counts.reduce((a, b) => Math.max(a, b), 0);
}

/**
 * The map of an image. Of the classes in a cell those that cover most of it come first; ranks that no class needs hold the
 * lowest classes that are not there, with a score of 0. The image-level classes are those with the largest mean over the map.
 *
 * @param shares The shares of the image.
 * @param rule What a score is.
 * @param metadata Metadata of the map.
 * @returns The columns that do not depend on where the image is.
 */
export function presenceMap(
  shares: ClassShares,
  rule: PresenceRule,
  metadata: Pick<LabelMapMetadata, "k" | "grid" | "classes" | "dtype">,
): Pick<LabelMapRow, "class" | "score" | "topClass" | "topProbability"> {
  const { k, grid: [height, width], classes, dtype } = metadata;
  const cells = height * width;
  const scoreOf = (share: number) => rule === "any" ? Math.ceil(share) : share;
  const ranked = new (classArray(classes))(k * cells);
  const scores = new Float32Array(k * cells);
  const entries = [...shares];
  for (let cell = 0; cell < cells; cell++) {
    const here = entries.filter(([, share]) => share[cell] > 0)
      .sort(([first, a], [second, b]) => b[cell] - a[cell] || first - second).slice(0, k);
    const there = new Set(here.map(([index]) => index));
    let spare = 0;
    for (let rank = 0; rank < k; rank++) {
      if (rank < here.length) {
        const [index, share] = here[rank];
        ranked[rank * cells + cell] = index;
        scores[rank * cells + cell] = scoreOf(share[cell]);
      } else {
        while (there.has(spare)) spare++;
        ranked[rank * cells + cell] = spare++;
      }
    }
  }
  const means = new Float64Array(classes);
  for (const [index, share] of shares) {
    means[index] = share.reduce((sum, value) => sum + scoreOf(value), 0) / cells;
  }
  const best = largestIndices(means, topLength({ classes }));
  return {
    class: ranked,
    score: quantise(scores, dtype),
    topClass: classArray(classes).from(best),
    topProbability: Float32Array.from(best, (index) => means[index]),
  };
}
