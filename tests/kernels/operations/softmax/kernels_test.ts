import { softmaxKernel, softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

async function assertSoftmax(logits: number[], classes: number, temperature?: number): Promise<void> {
  const device = await testDevice();
  const rows = logits.length / classes;
  for (const target of targets(device)) {
    const kernel = softmaxKernel({ rows, classes, temperature, ...target });
    const { output } = await runKernel(device, kernel, {
      input: padChannels(logits, classes, target.storage),
      output: { bytes: tensorBytes([rows, 1, 1, classes], target.storage) },
    });
    const expected = softmaxReference(logits.map((logit) => logit / (temperature ?? 1)), classes);
    assertClose(unpadChannels(output, classes, target.storage), expected, {
      absolute: target.storage === "f16" ? 2 ** -24 : 1e-9,
      relative: target.storage === "f16" ? 2 ** -10 : 1e-5,
      shape: [rows, classes],
      name: kernel.name,
    });
  }
}

Deno.test("softmaxKernel() normalises rows of any length", async () => {
  for (const [rows, classes] of [[1, 1], [9, 3], [2, 24], [3, 1000], [17, 257]]) {
    await assertSoftmax(randomValues(rows * classes, 17, 8), classes);
  }
});

Deno.test("softmaxKernel() divides by a temperature", async () => {
  for (const temperature of [0.25, 3]) await assertSoftmax(randomValues(5 * 11, 19, 8), 11, temperature);
});

Deno.test("softmaxKernel() writes f32 whatever it reads, where it is asked to", async () => {
  const device = await testDevice();
  const [rows, classes] = [5, 11];
  const logits = randomValues(rows * classes, 18, 8);
  for (const target of targets(device)) {
    const kernel = softmaxKernel({ rows, classes, ...target, output: "f32" });
    const { output } = await runKernel(device, kernel, {
      input: padChannels(logits, classes, target.storage),
      output: { bytes: tensorBytes([rows, 1, 1, classes], "f32") },
    });
    assertClose(unpadChannels(output, classes, "f32"), softmaxReference(logits, classes), {
      absolute: 1e-9,
      relative: 1e-5,
      shape: [rows, classes],
      name: kernel.name,
    });
  }
});

Deno.test("softmaxKernel() neither overflows nor counts padding", async () => {
  await assertSoftmax([-1000, -1001, -1002, -1003, -1004], 5);
  await assertSoftmax([60000, 59968, 0, -60000, 60000], 5);
  await assertSoftmax([-60000], 1);
});
