/**
 * A run of channels of a tensor.
 *
 * @module
 */

import { type MovedShapes, type Movement, movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";

/** Channels `first` to `first + count - 1`: `[N, H, W, C]` to `[N, H, W, count]`. */
export interface TakeChannels extends AnyOperation {
  readonly type: "takeChannels";
  readonly first: number;
  readonly count: number;
}

/**
 * The movement that takes a run of channels.
 *
 * @param shapes Shapes of input and output.
 * @param first The first channel that is taken.
 * @returns The movement.
 */
export function takingChannels(shapes: MovedShapes, first: number): Movement {
  return {
    name: "take channels",
    ...shapes,
    wholeVectors: first % 4 === 0,
    parameters: [{ name: "first", value: first }],
    source: "  return vec4<u32>(to.xyz, to.w + parameters.first);",
  };
}

/**
 * The movement that puts channels among zeros: the gradient of {@linkcode takingChannels}.
 *
 * @param shapes Shapes of input and output.
 * @param first The channel of the output that has the input's first.
 * @returns The movement.
 */
function puttingChannels(shapes: MovedShapes, first: number): Movement {
  return {
    name: "put channels",
    ...shapes,
    wholeVectors: first % 4 === 0,
    parameters: [{ name: "first", value: first }],
    source: "  return vec4<u32>(to.xyz, to.w - parameters.first);",
  };
}

/** A run of channels. */
export const takeChannels = movementRule<TakeChannels>({
  type: "takeChannels",
  outputShape({ input, first, count }, shapeOf) {
    const [batch, height, width, channels] = shapeOf(input);
    if (first + count > channels) {
      throw new TypeError(`Cannot take ${count} channels from ${first} on: "${input}" has ${channels}`);
    }
    return [batch, height, width, count];
  },
  forward: ({ first }, shapes) => takingChannels(shapes, first),
  backward: ({ first }, { input, output }) => puttingChannels({ input: output, output: input }, first),
  source: ({ first }) => ([image, y, x, channel]): Place => [image, y, x, channel + first],
});
