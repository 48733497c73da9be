import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const SHAPES: readonly (readonly [shape: Shape, groups: number, bias?: false])[] = [
  [[2, 3, 5, 13], 1],
  [[1, 5, 7, 15], 5],
  [[3, 4, 7, 24], 3],
  [[1, 1, 1, 8], 2],
  [[2, 5, 3, 140], 1],
  [[2, 5, 3, 136], 2],
  [[2, 3, 5, 14], 1, false],
];

/** With a bias and without; groups that end within a vector of channels and such that do not; means that are large beside the deviation. */
export const cases: readonly OperationCase[] = SHAPES.map(([shape, groups, bias]) => ({
  what: `${shape.join(" x ")} in ${groups} groups${bias === false ? " without bias" : ""}`,
  operations: [{
    type: "groupNorm",
    input: "x",
    output: "y",
    channels: shape[3],
    groups,
    epsilon: 1e-3,
    weight: "weight",
    ...(bias === false ? {} : { bias: "bias" }),
  }],
  inputs: { x: shape },
  values: (count, seed) => randomValues(count, seed, 0.5).map((value) => Math.round(value * 256) / 256 + 1),
  smoothValues: randomValues,
  tolerance: (storage) => ({ absolute: storage === "f16" ? 1e-2 : 2e-5, relative: storage === "f16" ? 4e-3 : 1e-5 }),
}));
