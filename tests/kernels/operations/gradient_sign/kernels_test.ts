import { assertEquals } from "@std/assert";
import {
  gradientSignKernel,
  gradientSignReference,
  normalisedSignStep,
} from "../../../../kernels/operations/gradient_sign/kernels.ts";
import { tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

const NORMALISATION = { mean: [0.5, 0.25, 0.125], std: [0.25, 0.5, 0.125] };

Deno.test("normalisedSignStep() moves by epsilon and stays between black and white", () => {
  const step = normalisedSignStep({ epsilon: 0.25, ...NORMALISATION });
  assertEquals(step, { step: [1, 0.5, 2], lowest: [-2, -0.5, -1], highest: [2, 1.5, 7] });
  const moved = gradientSignReference([1.5, 0, 0, -1.5, 1.25, 1], [3, -1e-30, 0, -7, 1, -1], step);
  assertEquals([...moved], [2, -0.5, 0, -2, 1.5, -1]);
});

Deno.test("gradientSignKernel() moves images as the reference, and keeps padding zero", async () => {
  const device = await testDevice();
  const shape = [2, 7, 5, 3] as const;
  const count = 2 * 7 * 5 * 3;
  const input = randomValues(count, 3, 2);
  const gradient = randomValues(count, 4).map((value, index) => index % 5 === 0 ? 0 : value);
  const step = normalisedSignStep({ epsilon: 8 / 255, ...NORMALISATION });
  const expected = gradientSignReference(input, gradient, step);
  for (const target of targets(device)) {
    const { storage } = target;
    const { output } = await runKernel(device, gradientSignKernel({ shape, ...step, ...target }), {
      input: padChannels(input, 3, storage),
      gradient: padChannels(gradient, 3, storage),
      output: { bytes: tensorBytes(shape, storage) },
    });
    const name = `${target.profile} ${storage}`;
    assertClose(unpadChannels(output, 3, storage), expected, { ...sumTolerance(storage, 2, 2), shape, name });
    const lanes = storage === "f16" ? new Float16Array(output) : new Float32Array(output);
    assertEquals(lanes.filter((_, lane) => lane % 4 === 3 && lanes[lane] !== 0).length, 0);
  }
});
