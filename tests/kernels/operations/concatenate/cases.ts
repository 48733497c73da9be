import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const sides: readonly { at: [number, number, number]; channels: readonly number[] }[] = [
  { at: [2, 3, 5], channels: [8, 4] },
  { at: [1, 5, 7], channels: [13, 6] },
  { at: [2, 2, 3], channels: [1, 4] },
  { at: [2, 2, 3], channels: [8, 3] },
  { at: [1, 2, 3], channels: [3, 1, 1, 2, 5, 4, 1, 6, 8, 2] },
  { at: [1, 1, 1], channels: [2, 2] },
];

/** Two and many, whose channels fill vectors and do not, to the end of one and across; and one tensor that is there twice. */
export const cases: readonly OperationCase[] = [
  ...sides.map(({ at, channels }): OperationCase => {
    const inputs = channels.map((own, index) => [`x${index}`, [...at, own] as Shape] as const);
    return {
      what: `${channels.join(" and ")} channels of ${at.join(" x ")}`,
      operations: [{ type: "concatenate", input: "x0", inputs: inputs.map(([name]) => name), output: "y" }],
      inputs: Object.fromEntries(inputs),
    };
  }),
  {
    what: "5 and 3 and the same 5 channels of 2 x 2 x 3",
    operations: [{ type: "concatenate", input: "x0", inputs: ["x0", "x1", "x0"], output: "y" }],
    inputs: { x0: [2, 2, 3, 5], x1: [2, 2, 3, 3] },
  },
];
