import { assertEquals, assertThrows } from "@std/assert";
import {
  gatherWeightsKernel,
  inputGradientWeightPlaces,
  weightPlaces,
} from "../../../kernels/operations/convolution/gather_weights.ts";
import { packInputGradientWeights } from "../../../kernels/operations/convolution/input_gradient.ts";
import { packWeights } from "../../../kernels/operations/convolution/mod.ts";
import { convolutionShape } from "../../../kernels/operations/convolution/shape.ts";
import { runKernel } from "../../../kernels/run.ts";
import { randomValues, targets, testDevice } from "../tensors.ts";
import { GRADIENT_CASES, gradientValues } from "./convolution_gradient_cases.ts";

for (const { what, shape } of GRADIENT_CASES) {
  Deno.test(`gatherWeightsKernel() packs ${what} as the CPU does, in every variant`, async () => {
    const device = await testDevice();
    const weight = Float32Array.from(gradientValues(shape).weight);
    const bias = Float32Array.from(randomValues(shape.outputChannels, 4));
    for (const target of targets(device)) {
      for (
        const { places, expected, biased } of [
          {
            places: weightPlaces(shape, target, true),
            expected: packWeights(shape, { weight, bias }, target),
            biased: true,
          },
          {
            places: weightPlaces(shape, target, false),
            expected: packWeights(shape, { weight }, target),
            biased: false,
          },
          {
            places: inputGradientWeightPlaces(shape, target),
            expected: packInputGradientWeights(shape, weight, target),
            biased: false,
          },
        ]
      ) {
        assertEquals(places.length, expected.length);
        const kernel = gatherWeightsKernel({
          words: places.length,
          weights: weight.length,
          bias: biased,
          ...target,
        });
        const { packed } = await runKernel(device, kernel, {
          places,
          master: weight,
          ...(biased ? { bias } : {}),
          packed: { bytes: expected.byteLength },
        });
        assertEquals(new Uint8Array(packed), new Uint8Array(expected.buffer), `${kernel.name}, bias ${biased}`);
      }
    }
  });
}

Deno.test("weightPlaces() refuses more weights than f32 can number", () => {
  const shape = convolutionShape([1, 1, 1, 4096], {
    outputChannels: 4096,
    kernel: [1, 1],
    stride: [1, 1],
    padding: [0, 0],
    groups: 1,
  });
  assertThrows(
    () => weightPlaces(shape, { profile: "gpu", storage: "f32" }, false),
    RangeError,
    "Cannot gather 16777216 weights of a convolution: at most 16777215",
  );
});
