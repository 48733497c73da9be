import { assertAlmostEquals, assertEquals } from "@std/assert";
import { describeVerdict, judgeLayout, type LayoutEvidence } from "../../../pipeline/convert/judge_layout.ts";

function evidence(...figures: [hw: number, wh: number][]): LayoutEvidence {
  return { what: "cells that agree", noun: "images", figures: figures.map(([hw, wh]) => ({ hw, wh })) };
}

Deno.test("judgeLayout() takes the reading that is better by more than three standard errors", () => {
  // Differences 0.1, 0.2, 0.3, 0.2, 0.2: mean 0.2, standard deviation 0.0707, standard error 0.0316.
  const found = evidence([0.6, 0.5], [0.7, 0.5], [0.8, 0.5], [0.7, 0.5], [0.7, 0.5]);
  const verdict = judgeLayout(found);
  assertAlmostEquals(verdict.error, 0.0316, 1e-4);
  assertEquals(verdict.layout, "hw");
  assertEquals(
    describeVerdict(found, verdict),
    "5 images, cells that agree: 0.700 as hw, 0.500 as wh: the maps are hw",
  );
  const turned = { ...found, figures: found.figures.map(({ hw, wh }) => ({ hw: wh, wh: hw })) };
  assertEquals(judgeLayout(turned).layout, "wh");
});

Deno.test("judgeLayout() does not choose where the readings differ by chance, and says by how much", () => {
  const found = evidence([0.6, 0.5], [0.5, 0.6], [0.8, 0.5], [0.5, 0.6], [0.7, 0.6]);
  const verdict = judgeLayout(found);
  assertEquals(verdict.layout, undefined);
  assertEquals(
    describeVerdict(found, verdict),
    "5 images, cells that agree: 0.620 as hw, 0.560 as wh; they are 0.060 apart, 0.8 standard errors, " +
      "and more than 3 would tell",
  );
});

Deno.test("judgeLayout() does not choose by fewer than five", () => {
  const found = evidence([0.9, 0.1], [0.9, 0.12], [0.9, 0.1], [0.9, 0.1]);
  const verdict = judgeLayout(found);
  assertEquals(verdict.layout, undefined);
  assertEquals(
    describeVerdict(found, verdict),
    "4 images, cells that agree: 0.900 as hw, 0.105 as wh; they are 0.795 apart, and 5 images at least would tell",
  );
});
