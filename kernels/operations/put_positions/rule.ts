/**
 * A tensor's positions among zeros: a class token to be added to the tokens that it stands in front of.
 *
 * @module
 */

import { movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";
import { puttingPositions, takingPositions } from "../take_positions/rule.ts";

/** `[N, h, w, C]` to `[N, 1, count, C]`: the positions, row-major, from `first` on, and zeros elsewhere. */
export interface PutPositions extends AnyOperation {
  readonly type: "putPositions";
  readonly first: number;
  readonly count: number;
}

/** Positions among zeros. */
export const putPositions = movementRule<PutPositions>({
  type: "putPositions",
  outputShape({ input, first, count }, shapeOf) {
    const [batch, height, width, channels] = shapeOf(input);
    if (first + height * width > count) {
      throw new TypeError(`Cannot put "${input}" from position ${first} on of ${count}: it has ${height * width}`);
    }
    return [batch, 1, count, channels];
  },
  forward: ({ first }, shapes) => puttingPositions(shapes, first),
  backward: ({ first }, { input, output }) => takingPositions({ input: output, output: input }, first),
  source: ({ first }, { input: [, , width] }) => ([image, , position, channel]): Place => [
    image,
    Math.floor((position - first) / width),
    position < first ? -1 : (position - first) % width,
    channel,
  ],
});
