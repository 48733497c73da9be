import { assertEquals, assertThrows } from "@std/assert";
import {
  filledVectors,
  gatherTable,
  gatherWeightsKernel,
  inputGradientWeightPlaces,
  weightPlaces,
} from "../../../../kernels/operations/convolution/gather_weights.ts";
import { packInputGradientWeights } from "../../../../kernels/operations/convolution/input_gradient.ts";
import { packWeights } from "../../../../kernels/operations/convolution/mod.ts";
import { convolutionShape } from "../../../../kernels/operations/convolution/shape.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { randomValues, targets, testDevice } from "../../tensors.ts";
import { GRADIENT_CASES, gradientValues } from "./gradient_cases.ts";

/** Floats of other parameters before the weights and the bias. */
const BEFORE = 3;

for (const { what, shape } of GRADIENT_CASES) {
  Deno.test(`gatherWeightsKernel() packs ${what} as the CPU does, in every variant`, async () => {
    const device = await testDevice();
    const weight = Float32Array.from(gradientValues(shape).weight);
    const bias = Float32Array.from(randomValues(shape.outputChannels, 4));
    const origin = { bias: BEFORE, weight: BEFORE + bias.length };
    const master = Float32Array.of(...new Array(BEFORE).fill(NaN), ...bias, ...weight);
    for (const target of targets(device)) {
      const cases = [
        { places: weightPlaces(shape, target, true), expected: packWeights(shape, { weight, bias }, target) },
        { places: weightPlaces(shape, target, false), expected: packWeights(shape, { weight }, target) },
        {
          places: inputGradientWeightPlaces(shape, target),
          expected: packInputGradientWeights(shape, weight, target),
        },
      ];
      const wordBytes = cases[0].expected.BYTES_PER_ELEMENT;
      const words = cases.reduce((sum, { places, expected }) => {
        assertEquals(places.length, expected.length);
        return sum + places.length;
      }, 0);
      let first = 0;
      const forms = cases.map(({ places }) => {
        const form = { places, first, weights: weight.length, origin };
        first += places.length / 4;
        return form;
      });
      const vectors = forms.reduce((sum, { places }) => sum + filledVectors(places), 0);
      const kernel = gatherWeightsKernel({ vectors, ...target });
      const { packed } = await runKernel(device, kernel, {
        places: gatherTable(forms, vectors),
        master,
        packed: { update: new Uint8Array(words * wordBytes) },
      });
      cases.forEach(({ expected }, index) => {
        const part = packed.slice(forms[index].first * 4 * wordBytes).slice(0, expected.byteLength);
        assertEquals(new Uint8Array(part), new Uint8Array(expected.buffer), `${kernel.name}, form ${index}`);
      });
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
