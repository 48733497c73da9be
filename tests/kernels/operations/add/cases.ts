import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { OperationCase } from "../check.ts";

const add: Operation = { type: "add", input: "x", residual: "r", output: "y" };

/** Residuals of as many channels, or fewer, in as many vectors, or fewer. */
export const cases: readonly OperationCase[] = [
  { what: "13 and 13 channels", batch: 2, size: [3, 5], channels: [13, 13] },
  { what: "13 and 7 channels", batch: 1, size: [3, 5], channels: [13, 7] },
  { what: "8 and 3 channels", batch: 2, size: [3, 5], channels: [8, 3] },
  { what: "16 and 15 channels", batch: 2, size: [3, 5], channels: [16, 15] },
  { what: "1 and 1 channel of one position", batch: 1, size: [1, 1], channels: [1, 1] },
].map(({ what, batch, size: [height, width], channels: [channels, residual] }) => ({
  what,
  operations: [add],
  inputs: { x: [batch, height, width, channels], r: [batch, height, width, residual] },
}));
