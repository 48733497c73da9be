import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const shapes: readonly Shape[] = [[2, 3, 5, 6], [1, 7, 5, 8], [1, 1, 1, 3], [1, 1, 25, 4]];

/** Grids and lines, with whole vectors of channels and without. */
export const cases: readonly OperationCase[] = shapes.map((shape) => ({
  what: `${shape.join(" x ")} reversed`,
  operations: [{ type: "reversePositions", input: "x", output: "y" }],
  inputs: { x: shape },
}));
