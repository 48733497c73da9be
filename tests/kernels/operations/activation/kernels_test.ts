import { assertEquals } from "@std/assert";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { activationKernel } from "../../../../kernels/operations/activation/kernels.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { ACTIVATION_FUNCTIONS, activationRule } from "../../../../kernels/operations/activation/functions/mod.ts";
import { assertClose } from "../../compare.ts";
import { testDevice } from "../../tensors.ts";

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
