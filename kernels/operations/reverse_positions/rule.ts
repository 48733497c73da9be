/**
 * A tensor's positions in the opposite order: a table by relative position, of keys to queries instead of queries to keys.
 *
 * @module
 */

import { type MovedShapes, type Movement, movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";

/** `[N, H, W, C]` with the last row first, and the last position of a row first. */
export interface ReversePositions extends AnyOperation {
  readonly type: "reversePositions";
}

/** The movement, which is its own inverse. */
function reversing(shapes: MovedShapes): Movement {
  return {
    name: "reverse positions",
    ...shapes,
    wholeVectors: true,
    parameters: [],
    source: "  return vec4<u32>(to.x, parameters.height - 1u - to.y, parameters.width - 1u - to.z, to.w);",
  };
}

/** Positions in the opposite order. */
export const reversePositions = movementRule<ReversePositions>({
  type: "reversePositions",
  outputShape: ({ input }, shapeOf) => shapeOf(input),
  forward: (_, shapes) => reversing(shapes),
  backward: (_, shapes) => reversing(shapes),
  source: (_, { output: [, height, width] }) => ([image, y, x, channel]): Place => [
    image,
    height - 1 - y,
    width - 1 - x,
    channel,
  ],
});
