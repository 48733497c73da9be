import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const mean: Operation = { type: "globalAveragePool", input: "x", output: "y" };
const shapes: Shape[] = [[1, 1, 1, 3], [2, 7, 5, 37], [3, 1, 31, 4], [1, 15, 15, 1000], [2, 33, 32, 6]];

/** Few positions and many, few channels and many. */
export const cases: readonly OperationCase[] = shapes.map((shape) => ({
  what: shape.join(" x "),
  operations: [mean],
  inputs: { x: shape },
  terms: shape[1] * shape[2],
}));
