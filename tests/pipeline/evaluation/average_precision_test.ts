import { assertAlmostEquals, assertEquals } from "@std/assert";
import { averagePrecision } from "../../../pipeline/evaluation/average_precision.ts";

Deno.test("averagePrecision() is the mean of precision over the images of the class", () => {
  assertAlmostEquals(averagePrecision([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0]), (1 / 1 + 2 / 3) / 2, 1e-12);
  assertAlmostEquals(averagePrecision([0.6, 0.9, 0.7, 0.8], [0, 1, 1, 0]), (1 / 1 + 2 / 3) / 2, 1e-12);
  assertAlmostEquals(averagePrecision([-3, -2, -1], [true, false, false]), 1 / 3, 1e-12);
  assertEquals(averagePrecision([5, 4], [1, 1]), 1);
  assertEquals(averagePrecision([5, 4], [0, 0]), NaN);
});

Deno.test("averagePrecision() gives images of one score the last of their ranks, in whatever order they come", () => {
  for (const isPositive of [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]) {
    assertAlmostEquals(averagePrecision([2, 2, 2, 1], isPositive), (1 / 3 + 2 / 4) / 2, 1e-12);
  }
});
