import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const filters: readonly { shape: Shape; kernel: number }[] = [
  { shape: [3, 1, 1, 16], kernel: 3 },
  { shape: [1, 1, 1, 37], kernel: 5 },
  { shape: [2, 3, 5, 6], kernel: 3 },
  { shape: [2, 1, 1, 3], kernel: 9 },
];

/** Few channels and many, filters that are shorter and longer than all of them. */
export const cases: readonly OperationCase[] = filters.map(({ shape, kernel }) => ({
  what: `${kernel} taps along the channels of ${shape.join(" x ")}`,
  operations: [{ type: "channelConvolution", input: "x", output: "y", parameter: "conv.weight", kernel }],
  inputs: { x: shape },
  terms: kernel,
}));
