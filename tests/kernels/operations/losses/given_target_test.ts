import { givenTargetKernel, givenTargetReference } from "../../../../kernels/operations/losses/given_target.ts";
import { tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, testDevice, unpadChannels } from "../../tensors.ts";

Deno.test("givenTargetKernel() takes the mean of given and pooled targets by their shares", async () => {
  const device = await testDevice();
  for (const [rows, classes] of [[1, 1], [7, 3], [5, 257]]) {
    const [given, pooled] = [4, 5].map((seed) => randomValues(rows * classes, seed, 1));
    for (const share of [0, 0.3, 1]) {
      for (const profile of ["software", "gpu"] as const) {
        const { targets } = await runKernel(device, givenTargetKernel({ rows, classes, share, profile }), {
          given: padChannels(given, classes, "f32"),
          pooled: padChannels(pooled, classes, "f32"),
          targets: { bytes: tensorBytes([rows, 1, 1, classes], "f32") },
        });
        assertClose(unpadChannels(targets, classes, "f32"), givenTargetReference(given, pooled, share), {
          absolute: 2e-7,
          relative: 4e-7,
          shape: [rows, classes],
          name: `${rows} x ${classes}, share ${share}, ${profile}`,
        });
      }
    }
  }
});
