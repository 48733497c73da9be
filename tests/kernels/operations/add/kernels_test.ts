import { assertThrows } from "@std/assert";
import {
  addKernel,
  addReference,
  addResidualGradientKernel,
  addResidualGradientReference,
  addShape,
} from "../../../../kernels/operations/add/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { differenceGradient, weighedSum } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

Deno.test("addKernel() adds a residual of as many channels, or fewer", async () => {
  const device = await testDevice();
  for (const [channels, residualChannels] of [[13, 13], [13, 7], [8, 3], [16, 15], [1, 1]]) {
    const input: Shape = [2, 3, 5, channels];
    const residual: Shape = [2, 3, 5, residualChannels];
    const values = randomValues(30 * channels, 1);
    const residualValues = randomValues(30 * residualChannels, 2);
    const expected = addReference(values, residualValues, { input, residual });
    for (const target of targets(device)) {
      const kernel = addKernel({ input, residual, ...target });
      const { output } = await runKernel(device, kernel, {
        input: padChannels(values, channels, target.storage),
        residual: padChannels(residualValues, residualChannels, target.storage),
        output: { bytes: tensorBytes(input, target.storage) },
      });
      assertClose(unpadChannels(output, channels, target.storage), expected, {
        ...sumTolerance(target.storage),
        shape: input,
        name: kernel.name,
      });
    }
  }
});

Deno.test("addShape() refuses a residual that is wider, or of another size", () => {
  assertThrows(() => addShape([1, 4, 4, 8], [1, 4, 4, 9]), TypeError, "residual of shape [1, 4, 4, 9] to [1, 4, 4, 8]");
  assertThrows(() => addShape([1, 4, 4, 8], [1, 4, 2, 8]), TypeError, "[1, 4, 2, 8]");
});

Deno.test("addResidualGradientKernel() takes the residual's channels and keeps padding zero", async () => {
  const device = await testDevice();
  for (const [channels, residualChannels] of [[13, 7], [8, 3], [16, 15], [13, 12], [9, 9]]) {
    const input: Shape = [2, 3, 5, channels];
    const residual: Shape = [2, 3, 5, residualChannels];
    const gradient = randomValues(30 * channels, 1);
    for (const target of targets(device)) {
      const kernel = addResidualGradientKernel({ input, residual, ...target });
      const { residualGradient } = await runKernel(device, kernel, {
        outputGradient: padChannels(gradient, channels, target.storage),
        residualGradient: { bytes: tensorBytes(residual, target.storage) },
      });
      assertClose(
        unpadChannels(residualGradient, residualChannels, target.storage),
        addResidualGradientReference(gradient, { input, residual }),
        { absolute: 0, relative: 0, shape: residual, name: kernel.name },
      );
    }
  }
});

Deno.test("addResidualGradientReference() agrees with finite differences", () => {
  const shapes = { input: [2, 1, 2, 5], residual: [2, 1, 2, 3] } as const;
  const input = randomValues(20, 1);
  const residual = randomValues(12, 2);
  const gradient = randomValues(20, 3);
  const tolerance = { absolute: 1e-9, relative: 1e-9, name: "gradient" };
  const ofResidual = (values: Float64Array) => weighedSum(addReference(input, values, shapes), gradient);
  assertClose(addResidualGradientReference(gradient, shapes), differenceGradient(ofResidual, residual), tolerance);
  const ofInput = (values: Float64Array) => weighedSum(addReference(values, residual, shapes), gradient);
  assertClose(gradient, differenceGradient(ofInput, input), tolerance);
});
