import {
  ACTIVATION_FUNCTIONS,
  activationName,
  activationRule,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { activationOf } from "../activation/cases.ts";
import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const norm = (output: string, channels: number): Operation => ({
  type: "batchNorm",
  input: "x",
  output,
  parameters: "bn",
  channels,
  epsilon: 1e-3,
  momentum: 0.25,
});
const SHAPES: Shape[] = [[2, 3, 5, 13], [3, 1, 1, 1], [1, 4, 7, 24], [2, 17, 19, 6]];
const add = (input: string, residual: string, output: string): Operation => ({ type: "add", input, residual, output });
const values = (count: number, seed: number) => randomValues(count, seed, 2);

/** Alone, with each activation that it takes into its passes, and with the residual that it takes before. */
export const cases: readonly OperationCase[] = [
  ...SHAPES.map((shape) => ({
    what: shape.join(" x "),
    operations: [norm("y", shape[3])],
    inputs: { x: shape },
    values,
    terms: shape[0] * shape[1] * shape[2],
  })),
  ...ACTIVATION_FUNCTIONS.filter((activation) => activationRule(activation).keepsZero).map((activation) => ({
    what: `2 x 3 x 5 x 13, then ${activationName(activation)}`,
    operations: [norm("n", 13), activationOf("n", activation)],
    inputs: { x: [2, 3, 5, 13] as const },
    values,
    terms: 30,
  })),
  ...SHAPES.map((shape) => ({
    what: `${shape.join(" x ")}, added to a residual, then relu`,
    operations: [norm("n", shape[3]), add("n", "r", "sum"), activationOf("sum", "relu")],
    inputs: { x: shape, r: shape },
    values,
    terms: shape[0] * shape[1] * shape[2],
  })),
  ...[
    { what: "then silu", after: [activationOf("sum", "silu")] },
    { what: "and no activation", after: [] },
  ].map(({ what, after }) => ({
    what: `a residual to 2 x 3 x 5 x 13, ${what}`,
    operations: [norm("n", 13), add("r", "n", "sum"), ...after],
    inputs: { x: [2, 3, 5, 13] as const, r: [2, 3, 5, 13] as const },
    values,
    terms: 30,
  })),
];
