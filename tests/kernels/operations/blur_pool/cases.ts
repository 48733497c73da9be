import type { BlurPool } from "../../../../kernels/operations/blur_pool/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const pools: readonly (Pick<BlurPool, "stride"> & { shape: Shape })[] = [
  { shape: [2, 8, 6, 8], stride: [2, 2] },
  { shape: [1, 5, 7, 13], stride: [2, 2] },
  { shape: [2, 5, 4, 3], stride: [1, 1] },
  { shape: [1, 2, 1, 4], stride: [2, 1] },
  { shape: [1, 3, 2, 4], stride: [1, 2] },
  { shape: [1, 1, 1, 5], stride: [2, 2] },
];

/** Even and odd sizes, down to one row, with either padding. */
export const cases: readonly OperationCase[] = pools.flatMap(({ shape, stride }) =>
  (["reflect", "zeros"] as const).map((padding): OperationCase => ({
    what: `${shape.join(" x ")} with stride ${stride.join(" x ")} and padding that ${
      padding === "zeros" ? "is zero" : "reflects"
    }`,
    operations: [{ type: "blurPool", input: "x", output: "y", stride, padding }],
    inputs: { x: shape },
    terms: 9,
  }))
);
