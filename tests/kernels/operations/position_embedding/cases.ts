import type { PositionEmbedding } from "../../../../kernels/operations/position_embedding/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const embeddings: readonly (Pick<PositionEmbedding, "shape" | "channelsFirst"> & { input: Shape })[] = [
  { input: [3, 1, 10, 16], shape: [1, 10, 16] },
  { input: [2, 3, 5, 13], shape: [1, 3, 5, 13] },
  { input: [1, 3, 5, 8], shape: [1, 15, 8] },
  { input: [2, 5, 7, 8], shape: [1, 8, 5, 7], channelsFirst: true },
  { input: [2, 2, 3, 6], shape: [1, 6, 2, 3], channelsFirst: true },
  { input: [1, 1, 1, 3], shape: [1, 1, 3] },
];

/** Of tokens and of grids, channels last and first, in vectors that are filled and that are not. */
export const cases: readonly OperationCase[] = embeddings.map(({ input, shape, channelsFirst }) => ({
  what: `an embedding of ${shape.join(" x ")} on ${input.join(" x ")}`,
  operations: [{ type: "positionEmbedding", input: "x", output: "y", parameter: "pos_embed", shape, channelsFirst }],
  inputs: { x: input },
}));
