import { assertEquals } from "@std/assert";
import {
  labelTargetKernel,
  labelTargetReference,
  NO_LABEL,
} from "../../../../kernels/operations/losses/label_target.ts";
import { softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, testDevice, unpadChannels } from "../../tensors.ts";

/** Labels of any class, the first and the last among them; every fifth image has none. */
function labelsOf(rows: number, classes: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => {
    if (row % 5 === 4) return NO_LABEL;
    return row === 1 ? classes - 1 : row * 7 % classes;
  });
}

Deno.test("labelTargetKernel() smooths labels and mixes them with pooled targets", async () => {
  const device = await testDevice();
  for (const [rows, classes] of [[1, 1], [7, 3], [11, 24], [5, 1000], [9, 257]]) {
    const labels = labelsOf(rows, classes);
    const pooled = Float32Array.from(softmaxReference(randomValues(rows * classes, 3, 8), classes));
    for (const smoothing of [0, 0.1, 1]) {
      for (const share of [undefined, 0, 0.5, 1]) {
        const target = { smoothing, share };
        const expected = labelTargetReference(labels, { classes, pooled, ...target });
        for (const profile of ["software", "gpu"] as const) {
          const kernel = labelTargetKernel({ rows, classes, profile, ...target });
          const { targets } = await runKernel(device, kernel, {
            labels,
            ...(share === undefined ? {} : { pooled: padChannels(pooled, classes, "f32") }),
            targets: { bytes: tensorBytes([rows, 1, 1, classes], "f32") },
          });
          assertClose(unpadChannels(targets, classes, "f32"), expected, {
            absolute: 1e-9,
            relative: 4e-7,
            shape: [rows, classes],
            name: `${kernel.name}, ${rows} x ${classes}, smoothing ${smoothing}, share ${share}`,
          });
        }
      }
    }
  }
});

Deno.test("labelTargetReference() spreads the smoothing over all classes, as PyTorch", () => {
  assertEquals([...labelTargetReference([2], { classes: 4, smoothing: 0.25 })], [0.0625, 0.0625, 0.8125, 0.0625]);
});

Deno.test("labelTargetReference() leaves an image without a label its pooled target, or none", () => {
  const pooled = [0.5, 0.5, 0, 1];
  assertEquals(
    [...labelTargetReference([NO_LABEL, 0], { classes: 2, smoothing: 0, share: 0.5, pooled })],
    [0.5, 0.5, 0.5, 0.5],
  );
  assertEquals([...labelTargetReference([NO_LABEL], { classes: 3, smoothing: 0.1 })], [0, 0, 0]);
});
