import { assertEquals } from "@std/assert";
import { runKernels } from "../../../../kernels/engine/run.ts";
import { convolutionKernels, packWeights } from "../../../../kernels/operations/convolution/mod.ts";
import {
  type ConvolutionOptions,
  convolutionShape,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import { type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { padChannels, randomValues, testDevice } from "../../tensors.ts";

const device = await testDevice();
const { subgroupLanes } = device.capabilities;
const ignore = subgroupLanes === undefined;

const CASES: readonly [
  what: string,
  input: Shape,
  options: Partial<ConvolutionOptions> & { outputChannels: number },
][] = [
  ["1x1", [1, 7, 5, 19], { outputChannels: 33 }],
  ["1x1 whose weights exceed a window", [2, 3, 5, 1100], { outputChannels: 5 }],
  ["1x1 of few positions", [3, 1, 1, 1100], { outputChannels: 21 }],
  ["3x3 on rows of strips", [1, 5, 7, 9], { outputChannels: 32, kernel: [3, 3] }],
  ["3x3 with stride 2", [2, 9, 11, 5], { outputChannels: 6, kernel: [3, 3], stride: [2, 2] }],
  ["3x3 whose weights exceed a window", [1, 3, 3, 130], { outputChannels: 3, kernel: [3, 3] }],
  ["3x3 with one tap larger than a window", [1, 3, 4, 1100], { outputChannels: 3, kernel: [3, 3] }],
  ["3x3 in groups of 8", [1, 7, 7, 24], { outputChannels: 24, kernel: [3, 3], groups: 3 }],
];

for (const [what, input, given] of CASES) {
  Deno.test({
    name: `convolutionKernels() gives a ${what} the same bits with subgroups and without${
      ignore ? ": the adapter has none" : ""
    }`,
    ignore,
    async fn() {
      const shape = convolutionShape(input, {
        kernel: [1, 1],
        stride: [1, 1],
        padding: "same",
        groups: 1,
        ...given,
      });
      const residualChannels = Math.max(1, shape.outputChannels - 2);
      const output = outputShape(shape);
      const positions = output[0] * output[1] * output[2];
      const [kernelY, kernelX] = shape.kernel;
      const values = (count: number, seed: number) => Float32Array.from(randomValues(count, seed));
      const weights = {
        weight: values(shape.outputChannels * input[3] / shape.groups * kernelY * kernelX, 2),
        bias: values(shape.outputChannels, 3),
      };
      const compute = async (target: Target) => {
        const kernels = convolutionKernels(shape, { activation: "silu", residualChannels }, target);
        const results = await runKernels(device, kernels, {
          input: padChannels(randomValues(input.reduce((product, size) => product * size), 1), input[3], "f32"),
          residual: padChannels(randomValues(positions * residualChannels, 4), residualChannels, "f32"),
          weights: packWeights(shape, weights, target),
          output: { bytes: tensorBytes(output, "f32") },
        });
        return new Uint32Array(results.output);
      };
      const target = { profile: "software", storage: "f32" } as const;
      assertEquals(await compute({ ...target, subgroupLanes }), await compute(target));
    },
  });
}
