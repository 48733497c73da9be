import { assertEquals } from "@std/assert";
import { ACTIVATION_FUNCTIONS, activationRule } from "../../../../kernels/operations/activation/functions/mod.ts";
import { activationGradientKernel } from "../../../../kernels/operations/activation/gradient.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { testDevice } from "../../tensors.ts";

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
      const expected = values.map((value) => Math.fround(3 * activationRule(activation).derivative(value)));
      assertClose(new Float32Array(inputGradient), expected, { absolute: 1e-35, relative: 1e-5, name: kernel.name });
    }
  }
});
