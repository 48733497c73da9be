import { assertEquals, assertThrows } from "@std/assert";
import { headShape } from "../../../../kernels/operations/channel_norm/kernels.ts";
import { inferShapes } from "../../../../kernels/operations/network.ts";
import type { Operation } from "../../../../kernels/operations/mod.ts";

const names = { input: "x", output: "y", weight: "weight", bias: "bias" };
const shapeOf = (operation: Operation) => inferShapes([operation], { name: "x", shape: [2, 3, 5, 24] }).get("y");

Deno.test("headShape() makes each head a position, and refuses heads that end within a vector", () => {
  assertEquals(headShape([2, 3, 5, 24], 3), [2, 3, 15, 8]);
  assertEquals(headShape([2, 3, 5, 13], 1), [2, 3, 5, 13]);
  assertThrows(() => headShape([2, 3, 5, 24], 4), TypeError, "Cannot normalise 4 heads of 24 channels");
});

Deno.test("norms and scales refuse another number of channels than the tensor has", () => {
  const operations: readonly Operation[] = [
    { type: "channelNorm", method: "layer", channels: 12, groups: 1, epsilon: 1e-6, ...names },
    { type: "groupNorm", channels: 12, groups: 1, epsilon: 1e-6, ...names },
    { type: "globalResponseNorm", channels: 12, epsilon: 1e-6, ...names },
    { type: "scale", channels: 12, shape: [12], ...names },
  ];
  for (const operation of operations) {
    assertThrows(() => shapeOf(operation), TypeError, 'Cannot compute "y": it takes 12 channels, "x" has 24');
  }
});

Deno.test("group norm refuses groups of different sizes, and a scale runs of channels that end within a vector", () => {
  const groups: Operation = { type: "groupNorm", channels: 24, groups: 5, epsilon: 1e-6, ...names };
  assertThrows(() => shapeOf(groups), TypeError, "24 channels make no 5 groups");
  const runs: Operation = { type: "scale", channels: 24, shape: [12, 1, 1], ...names };
  assertThrows(() => shapeOf(runs), TypeError, "Cannot scale 24 channels by a parameter of shape [12, 1, 1]");
  assertEquals(shapeOf({ ...runs, shape: [6, 1, 1] }), [2, 3, 5, 24]);
  const logarithms = { ...runs, shape: [24], exponential: { most: 4 } };
  assertThrows(() => shapeOf(logarithms), TypeError, "an element must have all channels, or a multiple of 4");
});
