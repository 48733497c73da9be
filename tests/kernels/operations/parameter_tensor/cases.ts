import type { ParameterTensor } from "../../../../kernels/operations/parameter_tensor/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const tensors: readonly (Pick<ParameterTensor, "shape" | "order" | "outputShape"> & { batch?: number })[] = [
  { shape: [1, 2, 13], outputShape: [1, 2, 13], batch: 3 },
  { shape: [35, 8], outputShape: [5, 7, 8], batch: 1 },
  { shape: [6, 5, 7], order: [1, 2, 0], outputShape: [1, 35, 6] },
  { shape: [1, 4, 3, 3], order: [0, 2, 3, 1], outputShape: [3, 3, 4], batch: 2 },
  { shape: [5], outputShape: [1, 1, 5] },
];

/** Of one image and several, channels last and first, in vectors that are filled and that are not. */
export const cases: readonly OperationCase[] = tensors.map(({ batch, ...tensor }) => {
  const input: Shape = [batch ?? 2, 1, 1, 4];
  return {
    what: `${tensor.shape.join(" x ")} as ${tensor.outputShape.join(" x ")}${
      batch ? ` for each of ${batch} images` : ""
    }`,
    operations: [{
      type: "parameterTensor",
      input: "x",
      output: "y",
      parameter: "latent",
      broadcast: batch !== undefined,
      facts: { initial: "zeros" },
      ...tensor,
    }],
    inputs: { x: input },
  };
});
