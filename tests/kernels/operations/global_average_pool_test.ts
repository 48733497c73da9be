import {
  globalAveragePoolKernel,
  globalAveragePoolReference,
  globalAveragePoolShape,
} from "../../../kernels/operations/global_average_pool.ts";
import { type Shape, tensorBytes } from "../../../kernels/operations/tensor.ts";
import { runKernel } from "../../../kernels/run.ts";
import { assertClose, sumTolerance } from "../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../tensors.ts";

Deno.test("globalAveragePoolKernel() averages positions of any number", async () => {
  const device = await testDevice();
  const shapes: Shape[] = [[1, 1, 1, 3], [2, 7, 7, 37], [3, 1, 31, 4], [1, 15, 15, 1000], [2, 33, 32, 6]];
  for (const shape of shapes) {
    const channels = shape[3];
    const values = randomValues(shape.reduce((product, size) => product * size), 11, 4);
    const expected = globalAveragePoolReference(values, shape);
    for (const target of targets(device)) {
      const kernel = globalAveragePoolKernel({ shape, ...target });
      const { output } = await runKernel(device, kernel, {
        input: padChannels(values, channels, target.storage),
        output: { bytes: tensorBytes(globalAveragePoolShape(shape), target.storage) },
      });
      assertClose(unpadChannels(output, channels, target.storage), expected, {
        ...sumTolerance(target.storage, shape[1] * shape[2], 4),
        shape: [shape[0], channels],
        name: kernel.name,
      });
    }
  }
});
