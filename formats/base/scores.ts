/**
 * Scores as stored, and back.
 *
 * @module
 */

import { encodeNumber, NUMBER_FORMATS, numberTable } from "./number_formats.ts";
import { type LabelMapFormat, type LabelMapType, SCORE_ARRAYS, type ScoreKind, type Scores } from "./label_map.ts";

/**
 * Rounds logits to the stored type: to nearest, ties to even, saturating (`formats/base/number_formats.ts`).
 *
 * @param logits Numbers, any shape.
 * @param dtype How to store them.
 * @returns Bit patterns, or the logits themselves for `fp32`.
 */
export function quantise(logits: Float32Array, dtype: LabelMapType): Scores {
  if (dtype === "fp32") return logits;
  const format = NUMBER_FORMATS[dtype];
  const scores = new SCORE_ARRAYS[dtype](logits.length);
  return scores.map((_, index) => encodeNumber(logits[index], format));
}

/**
 * Reads stored scores as the logits that they stand for, exactly.
 *
 * @param scores Scores as {@linkcode quantise} returns them.
 * @param dtype How they are stored.
 * @returns The logits, in the same order.
 * @throws {TypeError} If the array is not what `dtype` is stored in.
 */
export function dequantise(scores: Scores, dtype: LabelMapType): Float32Array {
  if (!(scores instanceof SCORE_ARRAYS[dtype])) {
    throw new TypeError(`Cannot dequantise scores: ${scores.constructor.name} does not hold ${dtype}`);
  }
  if (scores instanceof Float32Array) return scores;
  const table = scoreTable(dtype)!;
  return Float32Array.from(scores, (pattern) => table[pattern]);
}

/**
 * The numbers that a type's bit patterns stand for.
 *
 * @param dtype How scores are stored.
 * @returns Numbers by pattern; undefined for fp32, which is stored as numbers.
 */
export function scoreTable(dtype: LabelMapType): Float32Array | undefined {
  return dtype === "fp32" ? undefined : numberTable(NUMBER_FORMATS[dtype]);
}

/**
 * Where a score is that cannot be: no finite number, or no probability where scores are such.
 *
 * @param scores Scores as they are stored.
 * @param format How they are stored, and what they are.
 * @returns The position of the first, or -1 if there is none.
 */
export function findWrongScore(scores: Scores, format: Pick<LabelMapFormat, "dtype" | "scores">): number {
  const { dtype } = format;
  if (format.scores === "presence") {
    const table = scoreTable(dtype);
    return (scores as Float32Array).findIndex((stored) => !isProbability(table ? table[stored] : stored));
  }
  if (dtype === "fp32") {
    for (let index = 0; index < scores.length; index++) if (!Number.isFinite(scores[index])) return index;
    return -1;
  }
  const { bits, largest } = NUMBER_FORMATS[dtype];
  const magnitude = 2 ** (bits - 1) - 1;
  for (let index = 0; index < scores.length; index++) if ((scores[index] & magnitude) > largest) return index;
  return -1;
}

function isProbability(value: number): boolean {
  return value >= 0 && value <= 1;
}

/** What scores of a kind are expected to be, for messages. */
export function expectedScore(kind: ScoreKind = "softmax"): string {
  return kind === "presence" ? "a number from 0 to 1" : "a finite number";
}

/**
 * The number that a stored score stands for, for messages.
 *
 * @param stored An element of the scores.
 * @param dtype How they are stored.
 * @returns The number.
 */
export function scoreNumber(stored: number, dtype: LabelMapType): number {
  return scoreTable(dtype)?.[stored] ?? stored;
}
