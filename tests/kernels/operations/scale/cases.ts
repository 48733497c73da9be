import type { Scale } from "../../../../kernels/operations/scale/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

function scaleCase(input: Shape, shape: readonly number[], scale: Partial<Scale>): OperationCase {
  const { weight, bias, exponential } = scale;
  const parts = [weight, bias].filter((name) => name !== undefined).join(" and ");
  return {
    what: `${input.join(" x ")}, ${exponential ? "e to the power of " : ""}${parts} of [${shape.join(", ")}]`,
    operations: [{ type: "scale", input: "x", output: "y", channels: input[3], shape, ...scale }],
    inputs: { x: input },
    terms: input[0] * input[1] * input[2] * input[3] / shape.reduce((product, size) => product * size, 1),
  };
}

/** A number for each channel, for each head, and for all channels; factors and their logarithms. */
export const cases: readonly OperationCase[] = [
  scaleCase([2, 3, 5, 13], [13], { weight: "weight" }),
  scaleCase([1, 7, 11, 24], [24, 1, 1], { weight: "weight", bias: "bias" }),
  scaleCase([3, 1, 1, 6], [1, 6], { bias: "bias" }),
  scaleCase([1, 1, 1, 3], [1], { weight: "weight", bias: "bias" }),
  scaleCase([2, 5, 7, 140], [1], { weight: "weight", bias: "bias" }),
  scaleCase([2, 1, 9, 24], [3, 1, 1], { weight: "weight", exponential: { most: 0.25 } }),
  scaleCase([2, 1, 9, 7], [1, 1], { weight: "weight", exponential: { most: 2 } }),
];
