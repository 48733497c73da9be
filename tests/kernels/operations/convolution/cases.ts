import {
  ACTIVATION_FUNCTIONS,
  type ActivationFunction,
  activationName,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import {
  type ConvolutionOptions,
  convolutionShape,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import type { Standardisation } from "../../../../kernels/operations/convolution/standardise.ts";
import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Scale } from "../../../../kernels/operations/scale/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { Tolerance } from "../../compare.ts";
import { activationOf } from "../activation/cases.ts";
import type { OperationCase } from "../check.ts";
import { GRADIENT_CASES } from "./gradient_cases.ts";

/** What follows a convolution and goes into its store. */
interface Followers {
  readonly batchNorm?: true;
  readonly scale?: Pick<Scale, "weight" | "bias" | "shape">;
  readonly residualChannels?: number;
  readonly activation?: ActivationFunction;
}

/** Where weights are f16 they were rounded after they were standardised. */
function ofRoundedWeights(storage: "f32" | "f16"): Tolerance {
  return storage === "f32" ? { absolute: 1e-5, relative: 1e-5 } : { absolute: 4e-3, relative: 2e-3 };
}

/** A convolution and what follows it; the last output is `y`. */
function convolutionCase(
  what: string,
  input: Shape,
  options: ConvolutionOptions,
  { bias, standardised, ...followers }: Followers & {
    readonly bias?: boolean;
    readonly standardised?: Standardisation;
  } = {},
): OperationCase {
  const { batchNorm, scale, residualChannels, activation } = followers;
  const { outputChannels, kernel, groups } = options;
  const [batch, height, width] = outputShape(convolutionShape(input, options));
  const operations: Operation[] = [{
    type: "convolution",
    input: "x",
    output: "convolved",
    weight: "weight",
    ...(bias ? { bias: "bias" } : {}),
    inputChannels: input[3],
    ...(standardised ? { standardised } : {}),
    ...options,
  }];
  if (batchNorm) {
    const norm = { output: "normal", parameters: "bn", channels: outputChannels, epsilon: 1e-3, momentum: 0.25 };
    operations.push({ type: "batchNorm", input: "convolved", ...norm });
  }
  if (scale) {
    const input = operations.at(-1)!.output;
    operations.push({ type: "scale", input, output: "scaled", channels: outputChannels, ...scale });
  }
  if (residualChannels) {
    operations.push({ type: "add", input: operations.at(-1)!.output, residual: "r", output: "sum" });
  }
  if (activation) {
    operations.push({ type: "activation", function: activation, input: operations.at(-1)!.output, output: "active" });
  }
  return {
    what,
    ...(standardised ? { trains: false, tolerance: ofRoundedWeights } : {}),
    operations,
    inputs: { x: input, ...(residualChannels ? { r: [batch, height, width, residualChannels] as const } : {}) },
    // Of the output or the input's gradient.
    terms: Math.max(input[3], outputChannels) / groups * kernel[0] * kernel[1],
  };
}

const dense = (outputChannels: number, size: number, stride = 1, padding: number | "same" = "same") => ({
  outputChannels,
  kernel: [size, size] as const,
  stride: [stride, stride] as const,
  padding: padding === "same" ? padding : [padding, padding] as const,
  groups: 1,
});

/** Layers of one input that are added up, and the input with them: the gradients of its readers meet. */
function sumOfReaders(what: string, input: Shape, layers: readonly ConvolutionOptions[]): OperationCase {
  const convolutions = layers.map((options, index): Operation => ({
    type: "convolution",
    input: "x",
    output: `convolved ${index}`,
    weight: `weight ${index}`,
    inputChannels: input[3],
    ...options,
  }));
  const sums = layers.map((_, index): Operation => ({
    type: "add",
    input: `convolved ${index}`,
    residual: index === 0 ? "x" : `sum ${index - 1}`,
    output: `sum ${index}`,
  }));
  const terms = layers.reduce((sum, { outputChannels, kernel }) => sum + outputChannels * kernel[0] * kernel[1], 1);
  return { what, operations: [...convolutions, ...sums], inputs: { x: input }, terms };
}

/** A depthwise convolution whose output is pooled, and multiplied by the mean. */
function pooledCase(what: string, input: Shape, options: Omit<ConvolutionOptions, "groups">): OperationCase {
  const { kernel, outputChannels } = options;
  const layer = { weight: "weight", bias: "bias", inputChannels: input[3], groups: outputChannels };
  return {
    what,
    operations: [
      { type: "convolution", input: "x", output: "convolved", ...layer, ...options },
      activationOf("convolved", "silu"),
      { type: "globalAveragePool", input: "y", output: "mean" },
      { type: "multiply", input: "y", gate: "mean", output: "gated" },
    ],
    inputs: { x: input },
    terms: 4 * kernel[0] * kernel[1],
  };
}

/** Every kind of convolution by itself, with a bias and without; and with all that may follow, on kernels of every kind. */
export const cases: readonly OperationCase[] = [
  ...GRADIENT_CASES.map(({ what, input, options }, index) =>
    convolutionCase(what, input, options, { bias: index % 3 !== 0 })
  ),
  convolutionCase("1x1 with odd channels, then relu6", [1, 11, 13, 7], dense(17, 1), { activation: "relu6" }),
  convolutionCase("1x1 whose weights exceed a window, with a residual", [1, 3, 5, 1037], dense(19, 1), {
    activation: "relu",
    residualChannels: 19,
    bias: true,
  }),
  convolutionCase("1x1 on one position, then sigmoid", [3, 1, 1, 10], dense(6, 1), {
    activation: "sigmoid",
    bias: true,
  }),
  convolutionCase("groups of standardised weights, then a batch norm", [1, 7, 5, 6], {
    ...dense(9, 3, 2, 1),
    groups: 3,
  }, {
    standardised: { epsilon: 1e-5, factor: 0.3, gain: "gain" },
    bias: true,
    batchNorm: true,
  }),
  convolutionCase("standardised weights without a gain", [2, 3, 2, 5], dense(7, 1), {
    standardised: { epsilon: 1e-8 },
  }),
  convolutionCase("3x3, then silu", [2, 11, 7, 16], dense(32, 3, 1, 1), { activation: "silu", bias: true }),
  convolutionCase("3x3 on rows of nearly two strips, with a narrow residual", [2, 5, 15, 19], dense(21, 3, 1, 1), {
    activation: "relu",
    residualChannels: 13,
    bias: true,
  }),
  convolutionCase("2x3 with stride 2 by 1 on rows of strips", [1, 9, 22, 5], {
    ...dense(18, 3, 1, 1),
    kernel: [2, 3],
    stride: [2, 1],
    padding: [0, 1],
  }),
  convolutionCase("3x3 on rows of strips, whose weights exceed a window", [1, 3, 8, 131], dense(21, 3, 1, 1)),
  convolutionCase("groups of 8 on rows of strips", [1, 5, 16, 32], { ...dense(32, 3, 1, 1), groups: 4 }),
  convolutionCase("3x3 stem with same padding, then relu6", [1, 23, 18, 3], dense(10, 3, 2), { activation: "relu6" }),
  convolutionCase("7x7 stem, then relu", [1, 29, 31, 3], dense(64, 7, 2, 3), { activation: "relu", bias: true }),
  convolutionCase("3x3 whose weights exceed a window, with a residual", [1, 5, 6, 131], dense(21, 3, 1, 1), {
    activation: "relu",
    residualChannels: 13,
    bias: true,
  }),
  convolutionCase("3x3 with one tap larger than a window", [1, 3, 2, 1061], dense(5, 3, 1, 1), { residualChannels: 5 }),
  convolutionCase("groups of 8 with stride 2, then relu", [2, 9, 7, 64], { ...dense(64, 3, 2, 1), groups: 8 }, {
    activation: "relu",
    bias: true,
  }),
  convolutionCase("depthwise 3x3, then relu6", [2, 11, 13, 21], { ...dense(21, 3), groups: 21 }, {
    activation: "relu6",
    bias: true,
  }),
  convolutionCase("depthwise 5x5 with stride, then silu", [1, 17, 14, 10], { ...dense(10, 5, 2), groups: 10 }, {
    activation: "silu",
    bias: true,
  }),
  convolutionCase("depthwise 7x7, then gelu", [1, 11, 13, 9], { ...dense(9, 7, 1, 3), groups: 9 }, {
    activation: "gelu",
    bias: true,
  }),
  convolutionCase("depthwise 7x7 on an image smaller than the kernel", [2, 3, 2, 21], { ...dense(21, 7), groups: 21 }),
  convolutionCase("depthwise 9x9, then silu", [2, 11, 7, 13], { ...dense(13, 9), groups: 13 }, {
    activation: "silu",
    bias: true,
  }),
  convolutionCase("depthwise 8x13 with stride 2", [1, 17, 19, 6], {
    ...dense(6, 13, 2),
    kernel: [8, 13],
    padding: [3, 6],
    groups: 6,
  }, { bias: true }),
  convolutionCase("depthwise 31x31", [1, 5, 7, 18], { ...dense(18, 31, 1, 15), groups: 18 }, { bias: true }),
  convolutionCase("depthwise 31x31 with stride 2", [1, 7, 9, 5], { ...dense(5, 31, 2, 15), groups: 5 }),
  convolutionCase(
    "depthwise 5x5 whose weights exceed a window",
    [1, 3, 4, 1201],
    { ...dense(1201, 5, 1, 2), groups: 1201 },
    { bias: true },
  ),
  sumOfReaders("1x1 beside its own input", [2, 7, 5, 13], [dense(13, 1)]),
  sumOfReaders("1x1, 3x3 and depthwise 3x3 of one input", [1, 5, 6, 131], [
    dense(131, 1),
    { ...dense(131, 3), groups: 131 },
    dense(131, 3),
  ]),
  pooledCase("depthwise 3x3, then its mean and the product", [2, 11, 13, 37], dense(37, 3)),
  pooledCase("depthwise 5x5 with stride 2, then its mean and the product", [1, 29, 31, 5], dense(5, 5, 2)),
  pooledCase("depthwise 9x9, then its mean and the product", [3, 2, 17, 13], dense(13, 9)),
  pooledCase("depthwise 3x3 on one position, then its mean and the product", [2, 1, 1, 6], dense(6, 3)),
  convolutionCase("1x1, then layer scale and sum", [1, 5, 7, 9], dense(13, 1), {
    bias: true,
    scale: { weight: "gamma", shape: [13] },
    residualChannels: 13,
  }),
  convolutionCase("depthwise 3x3, then batch norm, a factor and a summand, and relu", [1, 7, 5, 9], {
    ...dense(9, 3),
    groups: 9,
  }, { batchNorm: true, scale: { weight: "factor", bias: "summand", shape: [1] }, activation: "relu" }),
  ...ACTIVATION_FUNCTIONS.flatMap((activation) => {
    const follower = { activation, batchNorm: true } as const;
    const name = activationName(activation);
    return [
      convolutionCase(`3x3, then batch norm, sum and ${name}`, [1, 7, 5, 9], dense(13, 3), {
        ...follower,
        residualChannels: 13,
      }),
      convolutionCase(
        `groups of 3 to 4, then batch norm and ${name}`,
        [1, 7, 5, 9],
        { ...dense(12, 3), groups: 3 },
        follower,
      ),
      convolutionCase(
        `depthwise 3x3, then batch norm and ${name}`,
        [2, 7, 5, 9],
        { ...dense(9, 3), groups: 9 },
        follower,
      ),
    ];
  }),
];
