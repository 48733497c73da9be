import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { Windows } from "../../../../kernels/operations/windows/rule.ts";
import type { OperationCase } from "../check.ts";

const cut: readonly (Pick<Windows, "window" | "shift" | "spacing"> & { shape: Shape; counts: [number, number] })[] = [
  { shape: [2, 6, 8, 8], window: [3, 4], spacing: "block", counts: [2, 2] },
  { shape: [1, 5, 7, 13], window: [3, 2], spacing: "block", counts: [2, 4] },
  { shape: [2, 5, 7, 6], window: [4, 3], shift: [2, 1], spacing: "block", counts: [2, 3] },
  { shape: [2, 4, 9, 5], window: [2, 3], shift: [0, 1], spacing: "block", counts: [2, 3] },
  { shape: [2, 6, 8, 7], window: [3, 4], spacing: "grid", counts: [2, 2] },
  { shape: [1, 5, 7, 8], window: [2, 3], spacing: "grid", counts: [3, 3] },
  { shape: [1, 1, 1, 3], window: [1, 1], spacing: "block", counts: [1, 1] },
];

/** Sizes that windows divide and do not, with and without a shift, cut and put together. */
export const cases: readonly OperationCase[] = cut.flatMap(({ shape, counts, ...windows }): OperationCase[] => {
  const [batch, height, width, channels] = shape;
  const whole = `${height} x ${width} x ${channels}${batch > 1 ? ` of ${batch} images` : ""}`;
  const parts = `${windows.spacing}s of ${windows.window.join(" x ")}${
    windows.shift ? ` shifted by ${windows.shift.join(", ")}` : ""
  }`;
  const operation = { type: "windows", input: "x", output: "y", ...windows } as const;
  return [
    {
      what: `${whole} cut into ${parts}`,
      operations: [{ ...operation, direction: "split" }],
      inputs: { x: shape },
    },
    {
      what: `${whole} put together from ${parts}`,
      operations: [{ ...operation, direction: "join", like: "whole" }],
      inputs: { x: [batch * counts[0] * counts[1], ...windows.window, channels], whole: [batch, height, width, 2] },
    },
  ];
});
