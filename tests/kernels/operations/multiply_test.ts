import { assertThrows } from "@std/assert";
import { multiplyKernel, multiplyReference, multiplyShape } from "../../../kernels/operations/multiply.ts";
import { type Shape, tensorBytes } from "../../../kernels/operations/tensor.ts";
import { runKernel } from "../../../kernels/run.ts";
import { assertClose, sumTolerance } from "../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../tensors.ts";

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
