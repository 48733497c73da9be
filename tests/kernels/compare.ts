/**
 * Compares what a kernel gave with its reference.
 *
 * @module
 */

import { assertEquals, AssertionError } from "@std/assert";

/** How near is near enough: `|actual - expected| <= absolute + relative * |expected|`. */
export interface Tolerance {
  readonly absolute: number;
  /** For a sum of `length` terms: epsilon times the square root of `length`; see {@linkcode sumTolerance}. */
  readonly relative: number;
}

/**
 * The tolerance of a sum, by the storage of its result.
 *
 * @param storage f32 sums are stored as they are or rounded to f16.
 * @param length Terms of the sum.
 * @param scale The size of the sum's terms together: what cancellation leaves uncertain.
 * @returns Absolute and relative tolerance.
 */
export function sumTolerance(storage: "f32" | "f16", length = 1, scale = 1): Tolerance {
  const rounding = 2 ** -23 * 4 * Math.sqrt(length);
  const stored = storage === "f16" ? 2 ** -11 : 0;
  return { absolute: rounding * scale + (storage === "f16" ? 2 ** -24 : 0), relative: rounding + stored };
}

/**
 * Asserts that two arrays agree within a tolerance. NaN agrees with NaN, an infinity with itself.
 *
 * @param actual What was computed.
 * @param expected The reference.
 * @param options The tolerance; `shape` turns an offset into an index for the message; `name` of what is compared.
 * @throws {AssertionError} If they differ; the message holds the first ten places with both values.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  options: Tolerance & { shape?: readonly number[]; name: string },
): void {
  const { absolute, relative, shape = [expected.length], name } = options;
  if (actual.length !== expected.length) {
    throw new AssertionError(`${name} has ${actual.length} elements, expected ${expected.length}`);
  }
  const places: string[] = [];
  let count = 0;
  let worst = 0;
  for (let index = 0; index < expected.length; index++) {
    const a = actual[index];
    const e = expected[index];
    if (Object.is(a, e) || a === e) continue;
    const difference = Math.abs(a - e);
    if (Number.isFinite(difference)) worst = Math.max(worst, difference);
    if (difference <= absolute + relative * Math.abs(e) && Number.isFinite(e)) continue;
    if (count++ < 10) places.push(`  [${position(index, shape).join(", ")}] ${a}, expected ${e}`);
  }
  if (count > 0) {
    throw new AssertionError(
      `${name}: ${count} of ${expected.length} elements differ, at most by ${worst}:\n${places.join("\n")}`,
    );
  }
}

function position(offset: number, shape: readonly number[]): number[] {
  const indices: number[] = [];
  for (const size of shape.toReversed()) {
    indices.unshift(offset % size);
    offset = Math.floor(offset / size);
  }
  return indices;
}

/**
 * How far numbers are from others.
 *
 * @param actual The numbers.
 * @param expected As many others.
 * @returns Root mean square of the differences over that of what is expected.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assertEquals(actual.length, expected.length);
  const values = Array.from(expected);
  return Math.hypot(...values.map((value, index) => value - actual[index])) / Math.hypot(...values);
}
