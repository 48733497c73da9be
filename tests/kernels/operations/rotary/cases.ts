import type { Operation } from "../../../../kernels/operations/mod.ts";
import type { RotaryOptions } from "../../../../kernels/operations/rotary/kernels.ts";
import { centredRotaryTable, rotaryTable } from "../../../../kernels/operations/rotary/tables.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

function rotary(what: string, shape: Shape, options: RotaryOptions): OperationCase {
  const { prefix, headChannels, rotation } = options;
  const grid = [1, shape[1] * shape[2] - prefix] as const;
  const make = rotation === "halves" ? centredRotaryTable : rotaryTable;
  const table = () => make({ grid, headChannels, rotation, temperature: 10 });
  const operation: Operation = { type: "rotary", input: "x", output: "y", table, ...options };
  return { what: `${what}, ${shape.join(" x ")}`, operations: [operation], inputs: { x: shape }, terms: 2 };
}

export const cases: readonly OperationCase[] = [
  rotary("queries and keys, a class token", [2, 1, 7, 36], {
    parts: [0, 12],
    heads: 3,
    headChannels: 4,
    prefix: 1,
    rotation: "interleaved",
  }),
  rotary("halves of heads, channels left over", [1, 3, 5, 38], {
    parts: [4, 20],
    heads: 2,
    headChannels: 8,
    prefix: 0,
    rotation: "halves",
  }),
  rotary("one run of channels", [2, 2, 3, 21], {
    parts: [0],
    heads: 1,
    headChannels: 12,
    prefix: 0,
    rotation: "interleaved",
  }),
  rotary("halves of one run, registers in front", [1, 1, 9, 16], {
    parts: [0],
    heads: 1,
    headChannels: 16,
    prefix: 5,
    rotation: "halves",
  }),
  rotary("one position", [1, 1, 1, 8], { parts: [0], heads: 2, headChannels: 4, prefix: 0, rotation: "interleaved" }),
];
