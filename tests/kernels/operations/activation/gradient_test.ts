import { assertEquals } from "@std/assert";
import {
  ACTIVATION_FUNCTIONS,
  activationName,
  activationRule,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import { activationGradientKernel } from "../../../../kernels/operations/activation/gradient.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { differenceGradient } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

for (const activation of ACTIVATION_FUNCTIONS) {
  Deno.test(`activationGradientKernel() differentiates ${activationName(activation)} and keeps padding zero`, async () => {
    const device = await testDevice();
    for (const shape of [[1, 1, 1, 3], [2, 5, 7, 13], [1, 17, 11, 32]] as Shape[]) {
      const channels = shape[3];
      const count = shape[0] * shape[1] * shape[2] * channels;
      const input = randomValues(count, 7, 16);
      const outputGradient = randomValues(count, 8, 2);
      const expected = input.map((value, index) =>
        activationRule(activation).derivative(value) * outputGradient[index]
      );
      for (const target of targets(device)) {
        const kernel = activationGradientKernel({ activation, shape, ...target });
        const { inputGradient } = await runKernel(device, kernel, {
          input: padChannels(input, channels, target.storage),
          outputGradient: padChannels(outputGradient, channels, target.storage),
          inputGradient: { bytes: tensorBytes(shape, target.storage) },
        });
        assertClose(unpadChannels(inputGradient, channels, target.storage), expected, {
          absolute: 1e-6,
          relative: target.storage === "f16" ? 1e-3 : 4e-6,
          shape,
          name: kernel.name,
        });
      }
    }
  });

  Deno.test(`The derivative of ${activationName(activation)} agrees with finite differences`, () => {
    // No corner lies between two evaluations.
    const values = randomValues(101, 3, 8).map((value) => value + 1e-3);
    const loss = (at: Float64Array) => at.reduce((sum, value) => sum + activationRule(activation).reference(value), 0);
    assertClose(values.map((value) => activationRule(activation).derivative(value)), differenceGradient(loss, values), {
      absolute: 1e-7,
      relative: 1e-7,
      name: activationName(activation),
    });
  });
}

Deno.test("The derivatives of relu and relu6 are 0 at their corners", () => {
  assertEquals([0, -0].map((value) => activationRule("relu").derivative(value)), [0, 0]);
  assertEquals([0, 6].map((value) => activationRule("relu6").derivative(value)), [0, 0]);
});

Deno.test("activationGradientKernel() stays finite and right at corners and ends of the range", async () => {
  const device = await testDevice();
  const values = [-3e38, -1e4, -104, -89, -88, -87, -20, 0, 6, 20, 87, 89, 104, 1000, 1e4, 3e38];
  for (const activation of ACTIVATION_FUNCTIONS) {
    for (const profile of ["software", "gpu"] as const) {
      const kernel = activationGradientKernel({ activation, shape: [1, 1, 1, 16], profile, storage: "f32" });
      const { inputGradient } = await runKernel(device, kernel, {
        input: Float32Array.from(values),
        outputGradient: new Float32Array(16).fill(3),
        inputGradient: { bytes: 64 },
      });
      const expected = values.map((value) => 3 * activationRule(activation).derivative(value));
      assertClose(new Float32Array(inputGradient), expected, { absolute: 1e-35, relative: 1e-5, name: kernel.name });
    }
  }
});
