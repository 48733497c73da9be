/**
 * Scores as stored, and back: the reference that quantisation on the GPU is held to.
 *
 * @module
 */

import { fromFloat16, toFloat16 } from "./float16.ts";
import { fromFloat8E4M3, fromFloat8E5M2, toFloat8E4M3, toFloat8E5M2 } from "./float8.ts";
import type { LabelMapType, Scores } from "./types.ts";

/**
 * Rounds logits to the stored type: to nearest, ties to even; the 8-bit types saturate, float16 overflows to infinity.
 *
 * @param logits Numbers, any shape.
 * @param dtype How to store them.
 * @returns Bit patterns, or the logits themselves for `fp32`.
 */
export function quantise(logits: Float32Array, dtype: LabelMapType): Scores {
  switch (dtype) {
    case "fp32":
      return logits;
    case "fp16":
      return toFloat16(logits);
    case "fp8_e4m3":
      return toFloat8E4M3(logits);
    case "fp8_e5m2":
      return toFloat8E5M2(logits);
  }
}

/**
 * The logits that stored scores stand for; exact.
 *
 * @param scores As {@linkcode quantise} returns them.
 * @param dtype How they are stored.
 * @returns Numbers, in the same order.
 * @throws {TypeError} If the array is not what `dtype` is stored in.
 */
export function dequantise(scores: Scores, dtype: LabelMapType): Float32Array {
  if (dtype === "fp32" && scores instanceof Float32Array) return scores;
  if (dtype === "fp16" && scores instanceof Uint16Array) return fromFloat16(scores);
  if (dtype === "fp8_e4m3" && scores instanceof Uint8Array) return fromFloat8E4M3(scores);
  if (dtype === "fp8_e5m2" && scores instanceof Uint8Array) return fromFloat8E5M2(scores);
  throw new TypeError(`Cannot dequantise scores: ${scores.constructor.name} does not hold ${dtype}`);
}

/** Bits of a score without its sign: above the first of these it is not a number. */
const INFINITY_BITS = { fp16: [0x7fff, 0x7c00], fp8_e4m3: [0x7f, 0x7e], fp8_e5m2: [0x7f, 0x7c] } as const;

/**
 * Where a score is that is not a number.
 *
 * @param scores As stored.
 * @param dtype How they are stored.
 * @returns The position of the first, or -1 if there is none.
 */
export function findNaN(scores: Scores, dtype: LabelMapType): number {
  if (dtype === "fp32") {
    for (let index = 0; index < scores.length; index++) if (scores[index] !== scores[index]) return index;
    return -1;
  }
  const [magnitude, infinity] = INFINITY_BITS[dtype];
  for (let index = 0; index < scores.length; index++) if ((scores[index] & magnitude) > infinity) return index;
  return -1;
}
