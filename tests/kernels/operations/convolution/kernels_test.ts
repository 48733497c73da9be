import { convolutionKernels, packWeights } from "../../../../kernels/operations/convolution/mod.ts";
import { convolutionReference } from "../../../../kernels/operations/convolution/reference.ts";
import {
  type ConvolutionOptions,
  convolutionShape,
  type Epilogue,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernels } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

interface Case {
  readonly what: string;
  readonly input: Shape;
  readonly options: ConvolutionOptions;
  readonly epilogue?: Epilogue;
  readonly bias?: boolean;
}

const dense = (outputChannels: number, size: number, stride = 1, padding: number | "same" = "same") => ({
  outputChannels,
  kernel: [size, size] as const,
  stride: [stride, stride] as const,
  padding: padding === "same" ? padding : [padding, padding] as const,
  groups: 1,
});

const CASES: Case[] = [
  { what: "1x1", input: [2, 7, 5, 24], options: dense(40, 1), bias: true },
  { what: "1x1 with odd channels", input: [1, 11, 13, 7], options: dense(17, 1), epilogue: { activation: "relu6" } },
  { what: "1x1 with stride", input: [1, 9, 8, 12], options: dense(20, 1, 2, 0), bias: true },
  {
    what: "1x1 whose weights exceed a window",
    input: [1, 3, 5, 1037],
    options: dense(19, 1),
    epilogue: { activation: "relu", residualChannels: 19 },
    bias: true,
  },
  {
    what: "1x1 on one position",
    input: [3, 1, 1, 10],
    options: dense(6, 1),
    epilogue: { activation: "sigmoid" },
    bias: true,
  },
  { what: "3x3", input: [2, 11, 7, 16], options: dense(32, 3, 1, 1), epilogue: { activation: "silu" }, bias: true },
  {
    what: "3x3 on rows of nearly two strips",
    input: [2, 5, 15, 19],
    options: dense(21, 3, 1, 1),
    epilogue: { activation: "relu", residualChannels: 13 },
    bias: true,
  },
  {
    what: "2x3 with stride 2 by 1 on rows of strips",
    input: [1, 9, 22, 5],
    options: { ...dense(18, 3, 1, 1), kernel: [2, 3], stride: [2, 1], padding: [0, 1] },
  },
  {
    what: "3x3 on rows of strips, whose weights exceed a window",
    input: [1, 3, 8, 131],
    options: dense(21, 3, 1, 1),
  },
  { what: "groups of 8 on rows of strips", input: [1, 5, 16, 32], options: { ...dense(32, 3, 1, 1), groups: 4 } },
  {
    what: "3x3 stem with same padding",
    input: [1, 23, 18, 3],
    options: dense(10, 3, 2),
    epilogue: { activation: "relu6" },
  },
  {
    what: "7x7 stem",
    input: [1, 29, 31, 3],
    options: dense(64, 7, 2, 3),
    epilogue: { activation: "relu" },
    bias: true,
  },
  {
    what: "3x3 whose weights exceed a window",
    input: [1, 5, 6, 131],
    options: dense(21, 3, 1, 1),
    epilogue: { activation: "relu", residualChannels: 13 },
    bias: true,
  },
  {
    what: "3x3 with one tap larger than a window",
    input: [1, 3, 2, 1061],
    options: dense(5, 3, 1, 1),
    epilogue: { residualChannels: 5 },
  },
  {
    what: "groups of 8",
    input: [2, 9, 7, 64],
    options: { ...dense(64, 3, 2, 1), groups: 8 },
    epilogue: { activation: "relu" },
    bias: true,
  },
  { what: "groups of 3 to 5", input: [1, 6, 7, 15], options: { ...dense(25, 3, 1, 1), groups: 5 }, bias: true },
  { what: "groups of 4 to 4", input: [1, 6, 5, 128], options: { ...dense(128, 3, 1, 1), groups: 32 } },
  { what: "groups of 24 to 24", input: [1, 4, 5, 96], options: { ...dense(96, 3, 1, 1), groups: 4 } },
  {
    what: "depthwise 3x3",
    input: [2, 11, 13, 21],
    options: { ...dense(21, 3), groups: 21 },
    epilogue: { activation: "relu6" },
    bias: true,
  },
  {
    what: "depthwise 5x5 with stride",
    input: [1, 17, 14, 10],
    options: { ...dense(10, 5, 2), groups: 10 },
    epilogue: { activation: "silu" },
    bias: true,
  },
  {
    what: "depthwise 3x3 with stride 2 and symmetric padding",
    input: [1, 8, 9, 4],
    options: { ...dense(4, 3, 2, 1), groups: 4 },
  },
  {
    what: "depthwise 5x5 whose weights exceed a window",
    input: [1, 3, 4, 1201],
    options: { ...dense(1201, 5, 1, 2), groups: 1201 },
    bias: true,
  },
];

for (const { what, input, options, epilogue = {}, bias } of CASES) {
  Deno.test(`convolutionKernels() computes ${what} in every variant`, async () => {
    const device = await testDevice();
    const shape = convolutionShape(input, options);
    const fan = (shape.inputChannels / shape.groups) * shape.kernel[0] * shape.kernel[1];
    const values = {
      input: randomValues(input.reduce((product, size) => product * size), 1),
      weight: Float32Array.from(randomValues(shape.outputChannels * fan, 2)),
      ...(bias ? { bias: Float32Array.from(randomValues(shape.outputChannels, 3)) } : {}),
    };
    const output = outputShape(shape);
    const { residualChannels } = epilogue;
    const residual = residualChannels
      ? randomValues(output[0] * output[1] * output[2] * residualChannels, 4)
      : undefined;
    const expected = convolutionReference(shape, { ...values, residual }, epilogue);
    for (const target of targets(device)) {
      const results = await runKernels(device, convolutionKernels(shape, epilogue, target), {
        input: padChannels(values.input, shape.inputChannels, target.storage),
        weights: packWeights(shape, values, target),
        ...(residual ? { residual: padChannels(residual, residualChannels!, target.storage) } : {}),
        output: { bytes: tensorBytes(output, target.storage) },
      });
      assertClose(unpadChannels(results.output, shape.outputChannels, target.storage), expected, {
        ...sumTolerance(target.storage, fan, fan ** 0.5),
        shape: output,
        name: `${what} ${target.profile} ${target.storage}`,
      });
    }
  });
}
