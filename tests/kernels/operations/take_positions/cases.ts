import type { TakePositions } from "../../../../kernels/operations/take_positions/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const cut: readonly (Pick<TakePositions, "first" | "count" | "grid"> & { shape: Shape })[] = [
  { shape: [2, 1, 10, 13], first: 0, count: 1 },
  { shape: [3, 1, 17, 8], first: 5, count: 12, grid: [3, 4] },
  { shape: [1, 5, 7, 3], first: 4, count: 30, grid: [5, 6] },
  { shape: [2, 3, 5, 16], first: 14, count: 1 },
  { shape: [1, 1, 1, 4], first: 0, count: 1 },
];

/** The first token, the patches behind some, a run over several rows, the last position. */
export const cases: readonly OperationCase[] = cut.map(({ shape, ...run }) => ({
  what: `${run.count} positions from ${run.first} on of ${shape.join(" x ")}`,
  operations: [{ type: "takePositions", input: "x", output: "y", ...run }],
  inputs: { x: shape },
}));
