import { assertAlmostEquals, assertEquals } from "@std/assert";
import { classPrecisions } from "../../../pipeline/evaluation/average_precision.ts";
import { multiLabelScores } from "../../../pipeline/evaluation/multi_label_scores.ts";

/** Rows of logits of four images and three classes, of which the last is in none. */
const LOGITS = [[3, 1, -1], [-1, 2, 1], [2, -2, -3], [1, -1, 2]];
const TRUTHS = [[0, 1], [1], [], [0]].map((present) => ({ present, unknown: [] as number[] }));
const column = (label: number) => LOGITS.map((row) => row[label]);

Deno.test("multiLabelScores() gives mAP and F1 of classes that an image shows", () => {
  const { meanPrecision, classF1, overallF1 } = multiLabelScores(3, TRUTHS, column);
  // Of class 0 images 0, 2 and 3 are predicted, of which 0 and 3 show it; of class 1 images 0 and 1, which both do.
  assertAlmostEquals(meanPrecision, ((1 + 2 / 3) / 2 + 1) / 2, 1e-12);
  assertAlmostEquals(classF1, 2 * (5 / 6) / (5 / 6 + 1), 1e-12);
  assertAlmostEquals(overallF1, 2 * (4 / 5) / (4 / 5 + 1), 1e-12);
});

Deno.test("multiLabelScores() takes the precision of a class that is never predicted for 0", () => {
  const never = multiLabelScores(2, TRUTHS, (label) => label === 0 ? column(0) : [-4, -5, -6, -7]);
  assertAlmostEquals(never.classF1, 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2), 1e-12);
  const silent = multiLabelScores(3, TRUTHS, () => [-4, -5, -6, -7]);
  assertEquals([silent.classF1, silent.overallF1], [0, 0]);
});

Deno.test("classPrecisions() and multiLabelScores() do not count an image for a class of which nothing is known", () => {
  const truths = TRUTHS.with(2, { present: [], unknown: [0] });
  const precisions = classPrecisions(3, truths, column);
  assertEquals(precisions, [{ label: 0, value: 1, images: 2 }, { label: 1, value: 1, images: 2 }]);
  assertEquals(multiLabelScores(3, truths, column), { meanPrecision: 1, classF1: 1, overallF1: 1 });
});
