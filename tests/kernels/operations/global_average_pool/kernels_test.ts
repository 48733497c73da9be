import {
  globalAveragePoolGradientKernel,
  globalAveragePoolGradientReference,
  globalAveragePoolKernel,
  globalAveragePoolReference,
  globalAveragePoolShape,
} from "../../../../kernels/operations/global_average_pool/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { differenceGradient, weighedSum } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

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

Deno.test("globalAveragePoolGradientKernel() spreads an image's gradient over its positions", async () => {
  const device = await testDevice();
  for (const shape of [[1, 1, 1, 3], [2, 7, 5, 37], [3, 1, 31, 4]] as Shape[]) {
    const [batch, , , channels] = shape;
    const gradient = randomValues(batch * channels, 11, 4);
    for (const target of targets(device)) {
      const kernel = globalAveragePoolGradientKernel({ shape, ...target });
      const { inputGradient } = await runKernel(device, kernel, {
        outputGradient: padChannels(gradient, channels, target.storage),
        inputGradient: { bytes: tensorBytes(shape, target.storage) },
      });
      assertClose(
        unpadChannels(inputGradient, channels, target.storage),
        globalAveragePoolGradientReference(gradient, shape),
        { ...sumTolerance(target.storage), shape, name: kernel.name },
      );
    }
  }
});

Deno.test("globalAveragePoolGradientReference() agrees with finite differences", () => {
  const shape = [2, 3, 2, 5] as const;
  const gradient = randomValues(10, 1);
  const loss = (values: Float64Array) => weighedSum(globalAveragePoolReference(values, shape), gradient);
  assertClose(
    globalAveragePoolGradientReference(gradient, shape),
    differenceGradient(loss, randomValues(60, 2)),
    { absolute: 1e-9, relative: 1e-9, name: "gradient" },
  );
});
