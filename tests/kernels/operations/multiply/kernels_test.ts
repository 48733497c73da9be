import { assertThrows } from "@std/assert";
import {
  multiplyGateGradientKernel,
  multiplyGateGradientReference,
  multiplyKernel,
  multiplyReference,
  multiplyShape,
} from "../../../../kernels/operations/multiply/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { differenceGradient, weighedSum } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

Deno.test("multiplyKernel() multiplies each image by its own gate", async () => {
  const device = await testDevice();
  for (const shape of [[3, 5, 7, 13], [1, 1, 1, 4], [2, 4, 3, 32]] as Shape[]) {
    const [batch, height, width, channels] = shape;
    const values = randomValues(batch * height * width * channels, 1);
    const gate = randomValues(batch * channels, 2);
    for (const target of targets(device)) {
      const kernel = multiplyKernel({ shape, ...target });
      const { output } = await runKernel(device, kernel, {
        input: padChannels(values, channels, target.storage),
        gate: padChannels(gate, channels, target.storage),
        output: { bytes: tensorBytes(shape, target.storage) },
      });
      assertClose(unpadChannels(output, channels, target.storage), multiplyReference(values, gate, shape), {
        ...sumTolerance(target.storage),
        shape,
        name: kernel.name,
      });
    }
  }
});

Deno.test("multiplyShape() refuses a gate of another batch, size or width", () => {
  for (const gate of [[1, 1, 1, 8], [2, 2, 1, 8], [2, 1, 1, 4]] as Shape[]) {
    assertThrows(() => multiplyShape([2, 4, 4, 8], gate), TypeError, `gate of shape [${gate.join(", ")}]`);
  }
});

Deno.test("multiplyGateGradientKernel() sums over the positions of each image", async () => {
  const device = await testDevice();
  for (const shape of [[3, 5, 7, 13], [1, 1, 1, 4], [2, 4, 3, 37], [1, 33, 32, 6]] as Shape[]) {
    const [batch, height, width, channels] = shape;
    const values = randomValues(batch * height * width * channels, 1);
    const outputGradient = randomValues(values.length, 3);
    for (const target of targets(device)) {
      const kernel = multiplyGateGradientKernel({ shape, ...target });
      const { gateGradient } = await runKernel(device, kernel, {
        input: padChannels(values, channels, target.storage),
        outputGradient: padChannels(outputGradient, channels, target.storage),
        gateGradient: { bytes: tensorBytes([batch, 1, 1, channels], target.storage) },
      });
      assertClose(
        unpadChannels(gateGradient, channels, target.storage),
        multiplyGateGradientReference(values, outputGradient, shape),
        { ...sumTolerance(target.storage, height * width), shape: [batch, channels], name: kernel.name },
      );
    }
  }
});

Deno.test("the gradients of a product agree with finite differences", () => {
  const shape = [2, 2, 3, 5] as const;
  const values = randomValues(60, 1);
  const gate = randomValues(10, 2);
  const gradient = randomValues(60, 3);
  const tolerance = { absolute: 1e-9, relative: 1e-9, name: "gradient" };
  const ofGate = (at: Float64Array) => weighedSum(multiplyReference(values, at, shape), gradient);
  assertClose(multiplyGateGradientReference(values, gradient, shape), differenceGradient(ofGate, gate), tolerance);
  const ofInput = (at: Float64Array) => weighedSum(multiplyReference(at, gate, shape), gradient);
  assertClose(multiplyReference(gradient, gate, shape), differenceGradient(ofInput, values), tolerance);
});
