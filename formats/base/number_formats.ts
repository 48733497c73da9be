// deno-lint-ignore-file camelcase -- types are called as in files and options

/**
 * The small floating point formats that scores are stored in, and the one rule by which numbers are rounded to them. The
 * kernels that pack scores are made of this table and give the same bits.
 *
 * | format | sign, exponent, mantissa bits | bias | largest | smallest normal, subnormal | infinity | NaN |
 * | --- | --- | --- | --- | --- | --- | --- |
 * | fp16 (IEEE 754 binary16) | 1, 5, 10 | 15 | 65,504 | 2^-14, 2^-24 | 0x7c00 | 0x7c01 to 0x7fff |
 * | fp8_e4m3 (OCP E4M3, "e4m3fn") | 1, 4, 3 | 7 | 448 | 2^-6, 2^-9 | none | 0x7f |
 * | fp8_e5m2 (OCP E5M2) | 1, 5, 2 | 15 | 57,344 | 2^-14, 2^-16 | 0x7c | 0x7d to 0x7f |
 *
 * Numbers round to the nearest, ties to the even mantissa, subnormals included. What is beyond the largest, infinity too,
 * becomes the largest of its sign (OCP 8-bit Floating Point Specification 1.0, section 5.2.1, saturating mode; fp16
 * likewise): so infinities are read, but never written. NaN becomes 0x7e00 or 0x7f, without its sign and payload.
 *
 * PyTorch's conversions agree up to the largest number and overflow from there on: to infinity in float16 and
 * float8_e5m2, to NaN in float8_e4m3fn.
 *
 * @module
 */

import type { LabelMapType } from "./label_map.ts";

/** How a small floating point format divides its bits. */
export interface NumberFormat {
  readonly bits: 8 | 16;
  readonly mantissa: number;
  readonly bias: number;
  /** The bit pattern of the largest number. */
  readonly largest: number;
  /** The bit pattern of infinity, where there is one; those between it and the sign are not numbers. */
  readonly infinity?: number;
  /** The bit pattern that is written for NaN. */
  readonly nan: number;
}

/** The small formats, by name. */
export const NUMBER_FORMATS: Readonly<Record<Exclude<LabelMapType, "fp32">, NumberFormat>> = {
  fp16: { bits: 16, mantissa: 10, bias: 15, largest: 0x7bff, infinity: 0x7c00, nan: 0x7e00 },
  fp8_e4m3: { bits: 8, mantissa: 3, bias: 7, largest: 0x7e, nan: 0x7f },
  fp8_e5m2: { bits: 8, mantissa: 2, bias: 15, largest: 0x7b, infinity: 0x7c, nan: 0x7f },
};

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/**
 * Rounds a number to a format, by the rule above.
 *
 * It works on the float32 bits: a magnitude in the normal range keeps its upper mantissa bits, half of the last kept bit
 * (less one if that bit is 0, which is what makes ties even) is added first, and a carry into the exponent is right as
 * it stands. Below the smallest normal number, the magnitude counted in smallest subnormals is rounded instead.
 *
 * @param value A number; read as float32.
 * @param format The format.
 * @returns The bit pattern, as an unsigned integer.
 */
export function encodeNumber(value: number, { bits, mantissa, bias, largest, nan }: NumberFormat): number {
  if (Number.isNaN(value)) return nan;
  float[0] = value;
  const sign = word[0] >>> 31 << (bits - 1);
  const magnitude = word[0] & 0x7fffffff;
  const dropped = 23 - mantissa;
  const smallestNormal = (128 - bias) << 23;
  if (magnitude < smallestNormal) return sign | roundEven(Math.abs(float[0]) * 2 ** (bias - 1 + mantissa));
  const rounded = magnitude + (1 << (dropped - 1)) - 1 + (magnitude >>> dropped & 1);
  return sign | Math.min((rounded - smallestNormal >>> dropped) + (1 << mantissa), largest);
}

/**
 * The nearest integer, ties to even.
 *
 * @param value A number that is not negative.
 * @returns The integer.
 */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/**
 * The number that a bit pattern stands for; exact.
 *
 * @param pattern An unsigned integer.
 * @param format The format.
 * @returns The number; infinity and NaN where the pattern is one.
 */
export function decodeNumber(pattern: number, { bits, mantissa, bias, largest, infinity }: NumberFormat): number {
  const sign = pattern < 2 ** (bits - 1) ? 1 : -1;
  const magnitude = pattern % 2 ** (bits - 1);
  if (magnitude > largest) return magnitude === infinity ? sign * Infinity : NaN;
  const exponent = Math.max(magnitude >> mantissa, 1);
  return sign * (magnitude - (exponent - 1) * 2 ** mantissa) * 2 ** (exponent - bias - mantissa);
}

const tables = new Map<NumberFormat, Float32Array<ArrayBuffer>>();

/**
 * The numbers that all bit patterns of a format stand for, made when first asked for.
 *
 * @param format The format.
 * @returns Numbers by pattern.
 */
export function numberTable(format: NumberFormat): Float32Array<ArrayBuffer> {
  const table = tables.get(format) ??
    Float32Array.from({ length: 2 ** format.bits }, (_, pattern) => decodeNumber(pattern, format));
  tables.set(format, table);
  return table;
}

/**
 * The distance between neighbouring numbers of a type.
 *
 * @param value A number.
 * @param type The type.
 * @returns The step from it to the next number away from 0.
 */
export function numberStep(value: number, type: LabelMapType): number {
  const { mantissa, bias } = type === "fp32" ? { mantissa: 23, bias: 127 } : NUMBER_FORMATS[type];
  const least = 1 - bias;
  const exponent = value === 0 ? least : Math.floor(Math.log2(Math.abs(value)));
  return 2 ** (Math.max(exponent, least) - mantissa);
}
