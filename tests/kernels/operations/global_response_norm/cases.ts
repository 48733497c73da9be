import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const SHAPES: readonly Shape[] = [[2, 3, 5, 13], [1, 1, 1, 3], [3, 4, 7, 24], [1, 11, 19, 140]];

/** Images of several sizes, each with lengths of its own. */
export const cases: readonly OperationCase[] = SHAPES.map((shape) => ({
  what: shape.join(" x "),
  operations: [{
    type: "globalResponseNorm",
    input: "x",
    output: "y",
    channels: shape[3],
    epsilon: 1e-3,
    weight: "weight",
    bias: "bias",
  }],
  inputs: { x: shape },
  terms: shape[1] * shape[2],
}));
