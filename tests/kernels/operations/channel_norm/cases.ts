import type { ChannelNorm } from "../../../../kernels/operations/channel_norm/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const METHODS = ["layer", "rms", "l2"] as const;
const BOTH = { weight: "weight", bias: "bias" };
const SHAPES: readonly Shape[] = [[2, 3, 5, 13], [1, 1, 1, 3], [1, 7, 11, 24], [3, 1, 7, 140]];

/** Numbers whose mean is not 0. */
function shifted(count: number, seed: number): number[] {
  return randomValues(count, seed, 0.5).map((value) => Math.round(value * 256) / 256 + 1);
}

function normCase(what: string, shape: Shape, norm: Partial<ChannelNorm>, values = shifted): OperationCase {
  const method = norm.method ?? "layer";
  const channels = shape[3] / (norm.groups ?? 1);
  return {
    what,
    operations: [{
      type: "channelNorm",
      input: "x",
      output: "y",
      method,
      channels: shape[3],
      groups: 1,
      epsilon: 1e-3,
      ...norm,
    }],
    inputs: { x: shape },
    values,
    smoothValues: randomValues,
    tolerance: (storage) => ({
      absolute: storage === "f16" ? 1e-2 : 2e-5,
      relative: storage === "f16" ? 4e-3 : 1e-6 * Math.sqrt(channels),
    }),
  };
}

/** Each method with weight and bias, weight, and neither; heads; vectors shorter than epsilon. */
export const cases: readonly OperationCase[] = [
  ...METHODS.flatMap((method) => [
    ...SHAPES.map((shape) => normCase(`${shape.join(" x ")}, ${method}`, shape, { method, ...BOTH })),
    normCase(`2 x 3 x 5 x 13, ${method} with a weight`, [2, 3, 5, 13], { method, weight: "weight" }),
    normCase(`2 x 3 x 5 x 13, ${method} without parameters`, [2, 3, 5, 13], { method }),
    normCase(`4 heads of ${method}`, [2, 1, 5, 48], { method, groups: 4, ...BOTH }),
  ]),
  normCase(
    "a mean of hundreds of deviations",
    [2, 3, 3, 22],
    {},
    (count, seed) => randomValues(count, seed).map((value) => Math.round(value * 8) / 32 + 32),
  ),
  normCase("vectors shorter than epsilon", [1, 2, 3, 8], { method: "l2", epsilon: 50 }),
];
