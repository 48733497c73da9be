import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const cut: readonly { shape: Shape; first: number; count: number }[] = [
  { shape: [2, 3, 5, 13], first: 0, count: 6 },
  { shape: [1, 3, 5, 24], first: 8, count: 16 },
  { shape: [2, 3, 2, 19], first: 4, count: 9 },
  { shape: [2, 3, 2, 19], first: 5, count: 9 },
  { shape: [1, 1, 1, 4], first: 3, count: 1 },
];

/** From the beginning, in whole vectors, across them, and with channels left over in the last. */
export const cases: readonly OperationCase[] = cut.map(({ shape, first, count }) => ({
  what: `${count} channels from ${first} on of ${shape.join(" x ")}`,
  operations: [{ type: "takeChannels", input: "x", output: "y", first, count }],
  inputs: { x: shape },
}));
