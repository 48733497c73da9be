import { assert } from "@std/assert";
import { convolutionInputGradientKernels } from "../../../../kernels/operations/convolution/input_gradient.ts";
import { convolutionShape } from "../../../../kernels/operations/convolution/shape.ts";

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
