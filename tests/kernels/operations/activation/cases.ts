import {
  ACTIVATION_FUNCTIONS,
  type ActivationFunction,
  activationName,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const SHAPES: Shape[] = [[1, 1, 1, 3], [2, 5, 7, 13], [1, 17, 11, 32]];

/** An activation that reads a tensor and gives `y`. */
export function activationOf(input: string, activation: ActivationFunction): Operation {
  return { type: "activation", function: activation, input, output: "y" };
}

/** Each function over a wide range. */
export const cases: readonly OperationCase[] = ACTIVATION_FUNCTIONS.flatMap((activation) =>
  SHAPES.map((shape): OperationCase => ({
    what: `${activationName(activation)} of ${shape.join(" x ")}`,
    operations: [activationOf("x", activation)],
    inputs: { x: shape },
    values: (count, seed) => randomValues(count, seed, 16),
    // No corner lies between two evaluations.
    smoothValues: (count, seed) => randomValues(count, seed, 8).map((value) => value + 1e-3),
    tolerance: (storage) => ({ absolute: 1e-6, relative: storage === "f16" ? 1e-3 : 4e-6 }),
  }))
);
