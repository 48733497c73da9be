import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const shapes: readonly [number, number, number][] = [[5, 7, 3], [2, 4, 8], [1, 1, 6]];

/** Channels that fill vectors and that do not. */
export const cases: readonly OperationCase[] = shapes.map((shape) => ({
  what: shape.join(" x "),
  operations: [{
    type: "constantTensor",
    input: "x",
    output: "y",
    shape,
    values: () => Float32Array.from(randomValues(shape[0] * shape[1] * shape[2], 3)),
  }],
  inputs: { x: [1, 1, 1, 4] },
}));
