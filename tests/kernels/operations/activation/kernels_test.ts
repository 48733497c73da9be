import { assertEquals } from "@std/assert";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { activationKernel } from "../../../../kernels/operations/activation/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import {
  ACTIVATION_FUNCTIONS,
  activationName,
  activationRule,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

for (const activation of ACTIVATION_FUNCTIONS) {
  Deno.test(`activationKernel() computes ${activationName(activation)} and keeps padding zero`, async () => {
    const device = await testDevice();
    for (const target of targets(device)) {
      for (const shape of [[1, 1, 1, 3], [2, 5, 7, 13], [1, 17, 11, 32]] as Shape[]) {
        const channels = shape[3];
        const values = randomValues(shape[0] * shape[1] * shape[2] * channels, 7, 16);
        const kernel = activationKernel({ activation, shape, ...target });
        const { output } = await runKernel(device, kernel, {
          input: padChannels(values, channels, target.storage),
          output: { bytes: tensorBytes(shape, target.storage) },
        });
        assertClose(
          unpadChannels(output, channels, target.storage),
          values.map((value) => activationRule(activation).reference(value)),
          { absolute: 1e-6, relative: target.storage === "f16" ? 1e-3 : 4e-6, shape, name: kernel.name },
        );
      }
    }
  });
}

Deno.test("activationKernel() stays finite and right at the ends of the range", async () => {
  const device = await testDevice();
  const values = [-3e38, -1e4, -1000, -104, -89, -88, -87, -20, 0, 20, 87, 89, 104, 1000, 1e4, 3e38];
  for (const activation of ACTIVATION_FUNCTIONS) {
    for (const profile of ["software", "gpu"] as const) {
      const kernel = activationKernel({ activation, shape: [1, 1, 1, 16], profile, storage: "f32" });
      const { output } = await runKernel(device, kernel, { input: Float32Array.from(values), output: { bytes: 64 } });
      const expected = values.map((value) => Math.fround(activationRule(activation).reference(Math.fround(value))));
      assertClose(new Float32Array(output), expected, { absolute: 1e-30, relative: 1e-5, name: kernel.name });
    }
  }
});

Deno.test("activationKernel() shares one text between shapes", () => {
  const [first, second] = ([[1, 2, 3, 5], [4, 9, 9, 64]] as Shape[]).map((shape) =>
    activationKernel({ activation: "sigmoid", shape, profile: "gpu", storage: "f32" })
  );
  assertEquals(first.code, second.code);
});
