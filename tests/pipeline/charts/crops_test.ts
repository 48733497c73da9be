import { assertAlmostEquals, assertEquals } from "@std/assert";
import { confidenceByOverlap, intersectionOverUnion, shareUpTo } from "../../../pipeline/charts/crops.ts";

Deno.test("intersectionOverUnion() divides what is common by what either covers", () => {
  const half = { top: 0, left: 0, height: 1, width: 0.5 };
  assertEquals(intersectionOverUnion(half, half), 1);
  assertEquals(intersectionOverUnion(half, { top: 0, left: 0.5, height: 1, width: 0.5 }), 0);
  // 0.25 x 0.5 of 0.5 + 0.25 - 0.125.
  const middle = { top: 0.25, left: 0.25, height: 0.5, width: 0.5 };
  assertAlmostEquals(intersectionOverUnion(half, middle), 0.125 / 0.625);
  assertAlmostEquals(intersectionOverUnion(middle, half), 0.125 / 0.625);
});

Deno.test("shareUpTo() counts the bound in", () => {
  const values = Float64Array.of(0, 0, 0.2, 0.5, 1);
  assertEquals([0, 0.2, 0.49, 1].map((bound) => shareUpTo(values, bound)), [0.4, 0.6, 0.6, 1]);
});

Deno.test("confidenceByOverlap() keeps crops without overlap apart, and leaves out bins without a crop", () => {
  const bins = confidenceByOverlap({
    overlap: Float64Array.of(0, 0.05, 0.1, 0, 1),
    bestOverlap: new Float64Array(5),
    confidence: Float64Array.of(0.25, 0.5, 1, 0.75, 0.875),
  });
  assertEquals(bins, [
    { overlap: 0, crops: 2, confidence: 0.5 },
    { overlap: 0.05, crops: 2, confidence: 0.75 },
    { overlap: 0.95, crops: 1, confidence: 0.875 },
  ]);
});
