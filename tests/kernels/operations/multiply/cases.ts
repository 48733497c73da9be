import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const multiply: Operation = { type: "multiply", input: "x", gate: "g", output: "y" };
const shapes: Shape[] = [[3, 5, 7, 13], [1, 1, 1, 4], [2, 4, 3, 37], [1, 33, 32, 6]];

/** Several images, each with its own gate of channels, or of elements. */
export const cases: readonly OperationCase[] = shapes.flatMap((shape): OperationCase[] => [
  {
    what: shape.join(" x "),
    operations: [multiply],
    inputs: { x: shape, g: [shape[0], 1, 1, shape[3]] },
    terms: shape[1] * shape[2],
  },
  { what: `${shape.join(" x ")}, element by element`, operations: [multiply], inputs: { x: shape, g: shape } },
]);
