import { assert } from "@std/assert";
import { convolutionInputGradientReference } from "../../../../kernels/operations/convolution/gradient_reference.ts";
import {
  convolutionInputGradientKernels,
  packInputGradientWeights,
} from "../../../../kernels/operations/convolution/input_gradient.ts";
import { convolutionShape } from "../../../../kernels/operations/convolution/shape.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernels } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, targets, testDevice, unpadChannels } from "../../tensors.ts";
import { GRADIENT_CASES, gradientValues } from "./gradient_cases.ts";

for (const { what, shape } of GRADIENT_CASES) {
  Deno.test(`convolutionInputGradientKernels() differentiates ${what} in every variant`, async () => {
    const device = await testDevice();
    const { weight, outputGradient } = gradientValues(shape);
    const expected = convolutionInputGradientReference(outputGradient, weight, shape);
    const input: Shape = [shape.batch, ...shape.input, shape.inputChannels];
    const terms = shape.outputChannels / shape.groups * shape.kernel[0] * shape.kernel[1];
    for (const target of targets(device)) {
      const results = await runKernels(device, convolutionInputGradientKernels(shape, target), {
        outputGradient: padChannels(outputGradient, shape.outputChannels, target.storage),
        weights: packInputGradientWeights(shape, Float32Array.from(weight), target),
        inputGradient: { bytes: tensorBytes(input, target.storage) },
      });
      assertClose(unpadChannels(results.inputGradient, shape.inputChannels, target.storage), expected, {
        ...sumTolerance(target.storage, terms, terms ** 0.5),
        shape: input,
        name: `${what} ${target.profile} ${target.storage}`,
      });
    }
  });
}

Deno.test("convolutionInputGradientKernels() divides stride 2 into a phase for each parity", () => {
  const shape = convolutionShape([1, 8, 8, 4], {
    outputChannels: 4,
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
    groups: 1,
  });
  const names = convolutionInputGradientKernels(shape, { profile: "gpu", storage: "f32" }).map((kernel) => kernel.name);
  for (const taps of ["1x1", "1x2", "2x1", "2x2"]) assert(names.some((name) => name.includes(` ${taps} `)), `${names}`);
});
