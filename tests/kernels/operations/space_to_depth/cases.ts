import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const blocks: readonly { shape: Shape; block: number }[] = [
  { shape: [2, 4, 6, 8], block: 2 },
  { shape: [1, 3, 7, 5], block: 2 },
  { shape: [2, 8, 4, 3], block: 4 },
  { shape: [1, 1, 1, 4], block: 2 },
];

/** Sizes that blocks divide and do not, channels that fill vectors and do not, in both orders. */
export const cases: readonly OperationCase[] = blocks.flatMap(({ shape, block }) =>
  (["rowFirst", "columnFirst"] as const).map((order): OperationCase => ({
    what: `${shape.join(" x ")} in blocks of ${block}, ${order}`,
    operations: [{ type: "spaceToDepth", input: "x", output: "y", block, order }],
    inputs: { x: shape },
  }))
);
