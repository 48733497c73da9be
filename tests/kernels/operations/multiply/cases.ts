import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const multiply: Operation = { type: "multiply", input: "x", gate: "g", output: "y" };
const shapes: Shape[] = [[3, 5, 7, 13], [1, 1, 1, 4], [2, 4, 3, 37], [1, 33, 32, 6]];

/** A product that a convolution of 1 x 1 reads, with what follows. */
function read(what: string, shape: Shape, outputChannels: number, after: readonly Operation[]): OperationCase {
  const [batch, height, width, inputChannels] = shape;
  const layer = { kernel: [1, 1], stride: [1, 1], padding: [0, 0], groups: 1, inputChannels, outputChannels } as const;
  return {
    what: `${shape.join(" x ")}, then ${what}`,
    operations: [
      multiply,
      { type: "convolution", input: "y", output: "projected", weight: "weight", bias: "bias", ...layer },
      ...after,
    ],
    inputs: {
      x: shape,
      g: [batch, 1, 1, inputChannels],
      ...(after.length > 0 ? { r: [batch, height, width, outputChannels] as const } : {}),
    },
    terms: Math.max(height * width, inputChannels, outputChannels),
  };
}

/** Several images, each with its own gate of channels, or of elements; and read by a convolution. */
export const cases: readonly OperationCase[] = [
  read("1x1", [3, 5, 7, 13], 17, []),
  read("1x1 on one position", [5, 1, 1, 70], 9, []),
  read("1x1, sum and relu", [2, 11, 13, 37], 67, [
    { type: "add", input: "projected", residual: "r", output: "sum" },
    { type: "activation", function: "relu", input: "sum", output: "active" },
  ]),
  ...shapes.flatMap((shape): OperationCase[] => [
    {
      what: shape.join(" x "),
      operations: [multiply],
      inputs: { x: shape, g: [shape[0], 1, 1, shape[3]] },
      terms: shape[1] * shape[2],
    },
    { what: `${shape.join(" x ")}, element by element`, operations: [multiply], inputs: { x: shape, g: shape } },
  ]),
];
