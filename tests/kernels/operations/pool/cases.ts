import type { PoolOptions } from "../../../../kernels/operations/pool/kernels.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tensors.ts";
import type { OperationCase } from "../check.ts";

const WINDOWS: { shape: Shape; window: Omit<PoolOptions, "mode" | "countPadding"> }[] = [
  { shape: [2, 11, 13, 5], window: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
  { shape: [1, 7, 6, 8], window: { kernel: [2, 3], stride: [2, 1], padding: "same" } },
  { shape: [3, 5, 4, 3], window: { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: true } },
  { shape: [1, 9, 10, 17], window: { kernel: [3, 4], stride: [2, 3], padding: [1, 2], ceilMode: true } },
  { shape: [1, 11, 8, 2], window: { kernel: [2, 2], stride: [3, 3], padding: [1, 1] } },
  { shape: [1, 1, 1, 1], window: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
];

/** Each rule over windows of any size, stride and padding. */
const everyRule = WINDOWS.flatMap(({ shape, window }) =>
  [
    { mode: "max", label: "max" },
    { mode: "average", label: "average with padding" },
    { mode: "average", label: "average of the input", countPadding: false },
  ].map(({ label, ...rule }): OperationCase => ({
    what: `${label} over ${window.kernel.join(" x ")} of ${shape.join(" x ")}`,
    operations: [{ type: "pool", input: "x", output: "y", ...rule as Pick<PoolOptions, "mode">, ...window }],
    inputs: { x: shape },
    // Four values only, all negative: windows have several largest elements, and padding would be larger.
    values: (count, seed) => randomValues(count, seed, 2).map((value) => Math.floor(value) - 3),
    // All different and further apart than a difference's two evaluations.
    smoothValues: (count, seed) =>
      randomValues(count, seed, 0.25).map((value, index) => (value + ((index * 7919) % 10007)) / 64),
    terms: 12,
  }))
);

/** Zeros around values of both signs, which are the largest of some windows at the border. */
const zeroPadded: OperationCase[] = WINDOWS.filter(({ window }) => !window.ceilMode).map(({ shape, window }) => ({
  what: `max among zeros over ${window.kernel.join(" x ")} of ${shape.join(" x ")}`,
  operations: [{ type: "pool", input: "x", output: "y", mode: "max", zeroPadding: true, ...window }],
  inputs: { x: shape },
  values: (count, seed) => randomValues(count, seed, 2).map((value) => Math.floor(value)),
  // No two alike, and none near zero.
  smoothValues: (count, seed) =>
    randomValues(count, seed, 0.25).map((value, index) => (value + ((index * 7919) % 10007) - 5003.5) / 64),
  terms: 12,
}));

export const cases: readonly OperationCase[] = [...everyRule, ...zeroPadded];
