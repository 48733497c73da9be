import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { activationOf } from "../activation/cases.ts";
import type { OperationCase } from "../check.ts";

const linear = (output: string, inputChannels: number, outputChannels: number, bias?: string): Operation => ({
  type: "linear",
  input: "x",
  output,
  weight: "weight",
  ...(bias ? { bias } : {}),
  inputChannels,
  outputChannels,
});

const SIZES: { input: Shape; outputChannels: number; bias?: string }[] = [
  { input: [3, 1, 1, 10], outputChannels: 7, bias: "bias" },
  { input: [1, 7, 5, 13], outputChannels: 19, bias: "bias" },
  { input: [1, 1, 1, 37], outputChannels: 5 },
];
const norm = { parameters: "bn", channels: 19, epsilon: 1e-3, momentum: 0.25 };

/** On vectors and on feature maps, alone and with what it takes into its store. */
export const cases: readonly OperationCase[] = [
  ...SIZES.map(({ input, outputChannels, bias }) => ({
    what: `${input.join(" x ")} to ${outputChannels} channels`,
    operations: [linear("y", input[3], outputChannels, bias)],
    inputs: { x: input },
    terms: Math.max(input[3], outputChannels),
  })),
  {
    what: "1 x 7 x 5 x 13, then batch norm, sum and silu",
    operations: [
      linear("l", 13, 19),
      { type: "batchNorm", input: "l", output: "n", ...norm },
      { type: "add", input: "n", residual: "r", output: "s" },
      activationOf("s", "silu"),
    ],
    inputs: { x: [1, 7, 5, 13], r: [1, 7, 5, 19] },
    terms: 19,
  },
  {
    what: "1 x 7 x 5 x 13, then layer scale and sum",
    operations: [
      linear("l", 13, 19, "bias"),
      { type: "scale", input: "l", output: "scaled", channels: 19, weight: "gamma", shape: [19] },
      { type: "add", input: "r", residual: "scaled", output: "s" },
    ],
    inputs: { x: [1, 7, 5, 13], r: [1, 7, 5, 19] },
    terms: 19,
  },
];
