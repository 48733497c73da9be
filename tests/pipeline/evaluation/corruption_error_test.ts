import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  ALEXNET_ERRORS,
  corruptionFigures,
  missingCorruptions,
  SEVERITIES,
} from "../../../pipeline/evaluation/corruption_error.ts";

/** Five severities of 200 images, of which these are wrong. */
function severities(wrong: readonly number[]) {
  return new Map(SEVERITIES.map((severity, index) => [severity, { images: 200, right: wrong[index] }]));
}

Deno.test("corruptionFigures() gives AlexNet an mCE of 100 %", () => {
  const tallies = new Map(
    Object.entries(ALEXNET_ERRORS).map(([name, error]) =>
      [name, new Map(SEVERITIES.map((severity) => [severity, { images: 1e6, right: error * 1e6 }]))] as const
    ),
  );
  const { overall: [mCE, error] } = corruptionFigures(tallies);
  assertAlmostEquals(mCE.value, 1, 1e-9);
  assertAlmostEquals(error.value, 11.834896 / 15, 1e-9);
  assertEquals([mCE.images, error.images], [75e6, 75e6]);
  assertEquals(missingCorruptions(tallies), []);
});

Deno.test("corruptionFigures() averages over the corruptions that are there, and keeps extra ones out of mCE", () => {
  const tallies = new Map([
    ["saturate", severities([200, 200, 200, 200, 200])],
    ["fog", severities([20, 40, 60, 80, 100])],
    ["gaussian_noise", new Map([[2, { images: 10, right: 5 }]])],
  ]);
  const { overall: [mCE, error], each } = corruptionFigures(tallies);
  assertAlmostEquals(mCE.value, (0.5 / 0.886428 + 0.3 / 0.819324) / 2, 1e-12);
  assertAlmostEquals(error.value, 0.4, 1e-12);
  assertEquals(mCE.images, 1010);
  assertEquals(
    each.map(({ of, measure }) => `${of} ${measure}`),
    [
      "gaussian_noise severity 2",
      "gaussian_noise error",
      "gaussian_noise CE",
      ...SEVERITIES.map((severity) => `fog severity ${severity}`),
      "fog error",
      "fog CE",
      ...SEVERITIES.map((severity) => `saturate severity ${severity}`),
      "saturate error",
    ],
  );
  assertAlmostEquals(each.find(({ of, measure }) => of === "fog" && measure === "severity 4")!.value, 0.4, 1e-12);
  const [corruptions, partial] = missingCorruptions(tallies);
  assertEquals(corruptions.startsWith("mCE is over 2 of 15 corruptions: shot_noise, impulse_noise, "), true);
  assertEquals(partial, "mCE lacks gaussian_noise at severity 1, 3, 4, 5");
});

Deno.test("corruptionFigures() has no mCE of extra corruptions alone", () => {
  assertEquals(corruptionFigures(new Map([["spatter", severities([1, 2, 3, 4, 5])]])).overall, []);
});
