/**
 * Numbers that a network's structure gives, as a tensor: the log-spaced coordinates of SwinV2.
 *
 * @module
 */

import { parameterTensorKernel } from "../parameter_tensor/kernels.ts";
import { addStep, addTensor, fillVectors } from "../shared/builder.ts";
import { channelsLast } from "../shared/flat_parameter.ts";
import type { AnyOperation, Rule } from "../shared/rule.ts";

/** Constants as a tensor `[1, H, W, C]`; `input` is not read. */
export interface ConstantTensor extends AnyOperation {
  readonly type: "constantTensor";
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Makes the elements, `[H, W, C]`, channels not padded. */
  readonly values: () => Float32Array;
}

/** Constants as a tensor. */
export const constantTensor: Rule<ConstantTensor> = {
  type: "constantTensor",
  inputs: () => [],
  outputShape: ({ shape }) => [1, ...shape],
  forward(builder, { output, values }) {
    const shape = builder.shapeOf(output);
    const flat = `${output} constants`;
    builder.program.constants.set(flat, () => fillVectors(values()));
    addTensor(builder, output, shape);
    const kernel = parameterTensorKernel({ shape, strides: channelsLast(shape[3]), ...builder.target });
    addStep(builder, kernel, { flat, output });
  },
  backward: () => [],
  reference: ({ values }) => Float64Array.from(values()),
  referenceGradient: () => new Map(),
};
