import { assertAlmostEquals, assertEquals } from "@std/assert";
import { learningRates } from "../../../pipeline/training/learning_rate.ts";
import { smallOptions } from "./data.ts";

const OPTIONS = smallOptions({ images: "photos", lr: 0.1, epochs: 100, warmupEpochs: 5 });

Deno.test("learningRates() rises on a line to the cosine curve, which ends at zero", () => {
  const rate = learningRates(OPTIONS, 10);
  assertAlmostEquals(rate(0), 1e-5, 1e-12);
  assertAlmostEquals(rate(25), (0.1 + 1e-5) / 2, 1e-12);
  assertAlmostEquals(rate(50), 0.05 * (1 + Math.cos(Math.PI * 0.05)), 1e-12);
  assertAlmostEquals(rate(500), 0.05, 1e-12);
  assertEquals(rate(1000), 0);
});

Deno.test("learningRates() falls in steps of epochs", () => {
  const rate = learningRates({ ...OPTIONS, schedule: "step", stepEpochs: 30, stepFactor: 0.1 }, 10);
  const expected = [[299, 0.1], [300, 0.01], [599, 0.01], [600, 0.001], [999, 1e-4]];
  for (const [update, wanted] of expected) assertAlmostEquals(rate(update), wanted, 1e-12);
});

Deno.test("learningRates() falls over the updates that are asked for, whatever the number of epochs", () => {
  const rate = learningRates({ ...OPTIONS, steps: 64, epochs: 7, warmupEpochs: 0 }, 10);
  assertAlmostEquals(rate(32), 0.05, 1e-12);
  assertAlmostEquals(rate(63), 0.05 * (1 + Math.cos(Math.PI * 63 / 64)), 1e-12);
});
