import { assertThrows } from "@std/assert";
import { type Operation, ruleOf } from "../../../../kernels/operations/mod.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";

/** What an operation says of the shapes of `x` and `whole`. */
function refusal(operation: Operation, shapes: Record<string, Shape>, message: string): void {
  assertThrows(() => ruleOf(operation).outputShape(operation, (name) => shapes[name]), TypeError, message);
}

const named = { input: "x", output: "y" } as const;

Deno.test("takePositions refuses a run that ends outside, and a grid of another size", () => {
  refusal({ type: "takePositions", ...named, first: 3, count: 8 }, { x: [1, 1, 10, 4] }, "8 positions from 3 on");
  refusal(
    { type: "takePositions", ...named, first: 0, count: 8, grid: [3, 3] },
    { x: [1, 1, 10, 4] },
    'as 3 x 3: "x" is 1 x 10',
  );
});

Deno.test("takeChannels refuses a run that ends outside", () => {
  refusal(
    { type: "takeChannels", ...named, first: 8, count: 5 },
    { x: [1, 2, 2, 12] },
    '5 channels from 8 on: "x" has 12',
  );
});

Deno.test("windows refuses to join as many as the whole does not have, of another size, or to no size", () => {
  const join = { type: "windows", ...named, window: [2, 2], spacing: "block", direction: "join" } as const;
  refusal({ ...join, like: "whole" }, { x: [5, 2, 2, 4], whole: [1, 4, 4, 4] }, "Cannot join 5 windows of 2 x 2");
  refusal({ ...join, like: "whole" }, { x: [4, 2, 3, 4], whole: [1, 4, 4, 4] }, "that has 4 of 2 x 2");
  refusal(join, { x: [4, 2, 2, 4] }, "the size is not stated");
});

Deno.test("prefixTokens refuses tokens of other channels", () => {
  refusal(
    { type: "prefixTokens", ...named, channels: 8, tokens: [{ parameter: "cls_token", count: 1 }] },
    { x: [1, 2, 2, 12] },
    'tokens of 8 channels in front of "x", which has 12',
  );
});

Deno.test("positionEmbedding refuses a parameter of other positions", () => {
  refusal(
    { type: "positionEmbedding", ...named, parameter: "pos_embed", shape: [1, 5, 12] },
    { x: [1, 2, 2, 12] },
    "as 4 positions of 12 channels",
  );
});
