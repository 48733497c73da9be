/**
 * What label maps are stored as, for those who compute them and those who keep them.
 *
 * @module
 */

import { showValue } from "./show_value.ts";

/** How scores are stored. The 8-bit types are the OCP 8-bit floating point formats E4M3 (without infinities) and E5M2. */
export type LabelMapType = "fp32" | "fp16" | "fp8_e4m3" | "fp8_e5m2";

/** Every {@linkcode LabelMapType}, the most exact first. */
export const labelMapTypes: readonly LabelMapType[] = ["fp32", "fp16", "fp8_e4m3", "fp8_e5m2"];

/** Scores as stored: float32, or the bit patterns of float16 and of the 8-bit types. */
export type Scores = Float32Array | Uint16Array | Uint8Array;

/**
 * What the scores of a map are:
 *
 * - `softmax`: logits of classes of which one is true: softmax over all of them gives probabilities.
 * - `sigmoid`: logits of classes that are independent: the sigmoid of each gives its probability.
 * - `presence`: probabilities already, 0 to 1: which share of a cell a class has, as masks say it.
 */
export type ScoreKind = "softmax" | "sigmoid" | "presence";

/** Every {@linkcode ScoreKind}; maps that do not say it have the first. */
export const scoreKinds: readonly ScoreKind[] = ["softmax", "sigmoid", "presence"];

/** What scores of a type are stored in. */
export const SCORE_ARRAYS = {
  fp32: Float32Array,
  fp16: Uint16Array,
  fp8_e4m3: Uint8Array,
  fp8_e5m2: Uint8Array,
} as const;

/** How many classes are kept of a whole image: 5, or all where there are fewer. */
export function topLength({ classes }: { readonly classes: number }): number {
  return Math.min(5, classes);
}

/** Class indices as stored: 16 bits below 65,536 classes, 32 bits from there on. */
export type Classes = Uint16Array | Uint32Array;

/**
 * What class indices are stored in.
 *
 * @param classes Number of classes there are.
 * @returns The kind of array.
 */
export function classArray(classes: number): typeof Uint16Array | typeof Uint32Array {
  return classes < 65536 ? Uint16Array : Uint32Array;
}

/** How the last two axes of a map are stored: `[H, W]`, or `[W, H]` as some published maps may be. */
export type MapLayout = "hw" | "wh";

/** What maps have in common: all that is needed to read their arrays. */
export interface LabelMapFormat {
  /** Classes kept in each cell. */
  readonly k: number;
  /** The last two axes as stored, cells: `[H, W]`, or `[W, H]` in published maps that are stored so. */
  readonly grid: readonly [height: number, width: number];
  /** Number of classes there are. */
  readonly classes: number;
  /** How the scores are stored. */
  readonly dtype: LabelMapType;
  /** What the scores are; default `softmax`. */
  readonly scores?: ScoreKind;
  /**
   * The logit of the classes that a cell lacks, or the weakest of the cell's own if that is less, in `sigmoid` maps that do
   * not hold all classes; absent in others.
   */
  readonly floor?: number;
}

/**
 * What maps have in common, of a thing that says more.
 *
 * @param format Metadata, or maps.
 * @returns Their format alone; what is optional is there if it was said.
 */
export function mapFormat({ k, grid, classes, dtype, scores, floor }: LabelMapFormat): LabelMapFormat {
  return { k, grid, classes, dtype, ...scores && { scores }, ...floor !== undefined && { floor } };
}

/**
 * Checks what is said of scores.
 *
 * @param format What is said.
 * @param subject How the message starts.
 * @throws {TypeError} If the floor is lacking, or there is one where classes that a cell lacks have none.
 * @throws {RangeError} If the kind is unknown, or the floor not a finite number.
 */
export function checkScores(
  { scores, floor, k, classes }: Pick<LabelMapFormat, "scores" | "floor" | "k" | "classes">,
  subject: string,
): void {
  if (scores !== undefined && !scoreKinds.includes(scores)) {
    throw new RangeError(`${subject}: scores is ${showValue(scores)}, expected one of ${scoreKinds.join(", ")}`);
  }
  const hasFloor = scores === "sigmoid" && k < classes;
  if (!hasFloor && floor !== undefined) {
    throw new TypeError(
      `${subject}: floor is ${showValue(floor)}, expected none: only sigmoid maps without all classes have it`,
    );
  }
  if (hasFloor && !Number.isFinite(floor)) {
    throw new RangeError(
      `${subject}: floor is ${showValue(floor)}, expected a number: the logit of classes that a cell lacks`,
    );
  }
}

/** Label maps of some images, one after the other in two arrays. */
export interface LabelMapBatch extends LabelMapFormat {
  /** Number of maps, N. */
  readonly count: number;
  /** Class indices `[N, k, H, W]`. */
  readonly class: Classes;
  /** Scores in the same order, all finite: logits, or probabilities where `scores` says so. */
  readonly score: Scores;
}
