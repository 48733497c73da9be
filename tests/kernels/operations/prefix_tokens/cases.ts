import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const fronts: readonly { shape: Shape; counts: readonly number[] }[] = [
  { shape: [2, 3, 5, 13], counts: [1] },
  { shape: [3, 2, 4, 16], counts: [1, 4] },
  { shape: [1, 5, 7, 6], counts: [1, 1, 3] },
  { shape: [1, 1, 1, 4], counts: [2] },
];

/** One parameter and several, of one token and several. */
export const cases: readonly OperationCase[] = fronts.map(({ shape, counts }) => ({
  what: `${counts.join(" and ")} tokens in front of ${shape.join(" x ")}`,
  operations: [{
    type: "prefixTokens",
    input: "x",
    output: "y",
    channels: shape[3],
    tokens: counts.map((count, index) => ({ parameter: `tokens.${index}`, count })),
  }],
  inputs: { x: shape },
}));
