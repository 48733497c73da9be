/**
 * Numbers at which rounding to a small format may go wrong, and what the formats' definitions say of them.
 *
 * @module
 */

import { NUMBER_FORMATS } from "../../../formats/base/number_formats.ts";

/** A small format's name. */
export type SmallFormat = keyof typeof NUMBER_FORMATS;

/** The small formats' names. */
export const SMALL_FORMATS = Object.keys(NUMBER_FORMATS) as SmallFormat[];

/** Exponent and mantissa bits, bias, and whether the highest exponent is infinity and NaN alone, as IEEE 754 and OCP have it. */
const DEFINITIONS: Record<SmallFormat, readonly [exponent: number, mantissa: number, bias: number, ieee: boolean]> = {
  fp16: [5, 10, 15, true],
  fp8_e4m3: [4, 3, 7, false],
  fp8_e5m2: [5, 2, 15, true],
};

/** The number of a bit pattern, by the formula of the format's definition. */
export function definedNumber(pattern: number, name: SmallFormat): number {
  const [exponentBits, mantissaBits, bias, ieee] = DEFINITIONS[name];
  const sign = pattern >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (pattern >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = pattern & (2 ** mantissaBits - 1);
  const isLast = exponent === 2 ** exponentBits - 1;
  if (isLast && ieee) return mantissa === 0 ? sign * Infinity : NaN;
  if (isLast && mantissa === 2 ** mantissaBits - 1) return NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

/** The finite numbers from 0 on, in ascending order: those of the patterns 0, 1, 2, ... */
const POSITIVE = Object.fromEntries(SMALL_FORMATS.map((name) => {
  const numbers = [];
  for (let pattern = 0; Number.isFinite(definedNumber(pattern, name)); pattern++) {
    numbers.push(definedNumber(pattern, name));
  }
  return [name, numbers];
}));

/** The pattern of the nearest number, found by search; of two, the even pattern; beyond the last, the last. */
export function definedPattern(value: number, name: SmallFormat): number {
  const [exponentBits, mantissaBits] = DEFINITIONS[name];
  if (Number.isNaN(value)) return { fp16: 0x7e00, fp8_e4m3: 0x7f, fp8_e5m2: 0x7f }[name];
  const sign = value < 0 || Object.is(value, -0) ? 1 << (exponentBits + mantissaBits) : 0;
  const magnitude = Math.abs(value);
  const numbers = POSITIVE[name];
  let [low, high] = [0, numbers.length - 1];
  if (magnitude >= numbers[high]) return sign | high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= magnitude) low = middle;
    else high = middle;
  }
  const [below, above] = [magnitude - numbers[low], numbers[high] - magnitude];
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
}

/**
 * Every number of a format, the middles between neighbours, and the float32 numbers next to all of these; beyond the largest;
 * float32's own smallest and largest, infinities and NaN with both signs and other payloads; all as float32 bits.
 */
export function interestingBits(name: SmallFormat): Uint32Array<ArrayBuffer> {
  const numbers = POSITIVE[name];
  const last = numbers.length - 1;
  const middles = numbers.slice(1).map((number, index) => (number + numbers[index]) / 2);
  const step = numbers[last] - numbers[last - 1];
  const beyond = [numbers[last] + step / 2, numbers[last] + step, 2 * numbers[last], 70000, 1e30];
  const bits = new Uint32Array(Float32Array.from([...numbers, ...middles, ...beyond]).buffer);
  const near = [...bits].flatMap((word) => [word, word + 1, ...word > 0 ? [word - 1] : []]);
  const odd = [1, 0x7fffff, 0x800000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff];
  return Uint32Array.from([...near, ...odd].flatMap((word) => [word, (word | 0x80000000) >>> 0]));
}
