import { assertEquals, assertThrows } from "@std/assert";
import { accumulateKernel, accumulateReference } from "../../../kernels/optimizers/accumulate.ts";
import { weightAverageKernel, weightAverageReference } from "../../../kernels/optimizers/weight_average.ts";
import { runKernel } from "../../../kernels/engine/run.ts";
import { assertClose } from "../compare.ts";
import { randomValues, testDevice } from "../tensors.ts";
import { FIXTURE } from "./fixture.ts";

const PROFILES = ["software", "gpu"] as const;

Deno.test("accumulateKernel() adds every element", async () => {
  for (const length of [4, 68, 64 * 1031]) {
    const gradient = Float32Array.from(randomValues(length, 1));
    const sum = Float32Array.from(randomValues(length, 2));
    for (const profile of PROFILES) {
      const result = await runKernel(await testDevice(), accumulateKernel({ length, profile }), {
        gradient,
        sum: { update: sum },
      });
      assertEquals(new Float32Array(result.sum), Float32Array.from(accumulateReference(sum, gradient)));
    }
  }
});

Deno.test("weightAverageReference() gives timm's ModelEmaV2", () => {
  const { decay, weights: [first, ...weights], average } = FIXTURE.ema;
  let actual = Float64Array.from(first);
  for (const weight of weights) actual = weightAverageReference(actual, weight, decay) as Float64Array<ArrayBuffer>;
  assertClose(actual, average, { absolute: 1e-9, relative: 1e-9, name: "average" });
});

Deno.test("weightAverageKernel() follows the reference, step after step", async () => {
  const length = 64 * 37;
  for (const profile of PROFILES) {
    for (const decay of [0, 0.9, 0.9999]) {
      let average = Float32Array.from(randomValues(length, 1));
      let expected = Float64Array.from(average);
      for (let step = 0; step < 4; step++) {
        const parameter = Float32Array.from(randomValues(length, 2 + step));
        const kernel = weightAverageKernel({ length, decay, profile });
        const result = await runKernel(await testDevice(), kernel, { parameter, average: { update: average } });
        average = new Float32Array(result.average);
        expected = weightAverageReference(expected, parameter, decay) as Float64Array<ArrayBuffer>;
      }
      assertClose(average, expected, { absolute: 4e-7, relative: 4e-7, name: `decay ${decay} ${profile}` });
    }
  }
});

Deno.test("weightAverageKernel() refuses a decay that means nothing", () => {
  assertThrows(
    () => weightAverageKernel({ length: 64, decay: 1, profile: "gpu" }),
    RangeError,
    "Cannot average weights with decay 1: must be in [0, 1)",
  );
});
