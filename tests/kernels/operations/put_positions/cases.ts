import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const put: readonly { shape: Shape; first: number; count: number }[] = [
  { shape: [2, 1, 1, 6], first: 0, count: 13 },
  { shape: [1, 3, 5, 8], first: 1, count: 16 },
  { shape: [2, 3, 5, 13], first: 2, count: 20 },
  { shape: [1, 1, 1, 3], first: 0, count: 1 },
];

/** One position and grids, at the beginning and after it, with zeros behind and without. */
export const cases: readonly OperationCase[] = put.map(({ shape, first, count }) => ({
  what: `${shape.join(" x ")} from position ${first} of ${count} on`,
  operations: [{ type: "putPositions", input: "x", output: "y", first, count }],
  inputs: { x: shape },
}));
