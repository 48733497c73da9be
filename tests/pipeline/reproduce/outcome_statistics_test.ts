import { assertAlmostEquals, assertEquals } from "@std/assert";
import { compare, meanOf } from "../../../pipeline/reproduce/outcome_statistics.ts";

Deno.test("meanOf() gives the mean and s / sqrt(n)", () => {
  // Squares of the deviations: 4 + 0 + 4 = 8; variance 4, of the mean 4 / 3.
  const { value, standardError } = meanOf([1, 3, 5]);
  assertEquals(value, 3);
  assertAlmostEquals(standardError!, 2 / Math.sqrt(3));
  assertEquals(meanOf([0.5]), { value: 0.5 });
});

Deno.test("compare() takes one student's error from images, and the difference's from pairs of them", () => {
  const student = { top1: [1, 1, 1, 0], real: [1, 1, 1, 1] };
  const other = { top1: [1, 0, 0, 0], real: [1, 1, 0, 1] };
  const { top1, real, top1Difference, realDifference } = compare([student], [other]);
  // Variance of 1, 1, 1, 0: 3 / 16 * 4 / 3 = 1 / 4.
  assertEquals(top1, { value: 0.75, standardError: Math.sqrt(0.25 / 4) });
  assertEquals(real, { value: 1, standardError: 0 });
  // Differences 0, 1, 1, 0: variance 1 / 3.
  assertEquals(top1Difference.value, 0.5);
  assertAlmostEquals(top1Difference.standardError!, Math.sqrt(1 / 12));
  assertEquals(realDifference, { value: 0.25, standardError: 0.25 });
});

Deno.test("compare() takes several students' errors from their accuracies, paired by seed", () => {
  const of = (rights: number) => ({ top1: [0, 1, 2, 3].map((image) => image < rights ? 1 : 0), real: [1, 1, 1, 1] });
  const { top1, real, top1Difference } = compare([of(3), of(4)], [of(1), of(3)]);
  // 0.75 and 1: variance 1 / 32, of the mean 1 / 64.
  assertEquals(top1, { value: 0.875, standardError: 0.125 });
  assertEquals(real, { value: 1, standardError: 0 });
  // 0.5 and 0.25.
  assertEquals(top1Difference, { value: 0.375, standardError: 0.125 });
});
