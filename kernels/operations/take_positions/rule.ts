/**
 * A run of positions of a tensor: the class token of a sequence of tokens, or its patches as a grid.
 *
 * @module
 */

import { type MovedShapes, type Movement, movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";

/** Positions `first` to `first + count - 1` of `[N, H, W, C]`, row-major: `[N, 1, count, C]`, or `[N, h, w, C]`. */
export interface TakePositions extends AnyOperation {
  readonly type: "takePositions";
  readonly first: number;
  readonly count: number;
  /** Height and width of the output; 1 and `count` if left out. */
  readonly grid?: readonly [height: number, width: number];
}

/**
 * The movement that takes a run of positions.
 *
 * @param shapes Shapes of input and output.
 * @param first The first position that is taken.
 * @returns The movement.
 */
export function takingPositions(shapes: MovedShapes, first: number): Movement {
  return {
    name: "take positions",
    ...shapes,
    wholeVectors: true,
    parameters: [{ name: "first", value: first }],
    source: `  let position = parameters.first + to.y * parameters.width + to.z;
  return vec4<u32>(to.x, position / parameters.inputWidth, position % parameters.inputWidth, to.w);`,
  };
}

/**
 * The movement that puts a run of positions among zeros: the gradient of {@linkcode takingPositions}.
 *
 * @param shapes Shapes of input and output.
 * @param first The position of the output that has the input's first.
 * @returns The movement.
 */
export function puttingPositions(shapes: MovedShapes, first: number): Movement {
  return {
    name: "put positions",
    ...shapes,
    wholeVectors: true,
    parameters: [{ name: "first", value: first }],
    source: `  let position = to.y * parameters.width + to.z - parameters.first;
  return vec4<u32>(to.x, position / parameters.inputWidth, position % parameters.inputWidth, to.w);`,
  };
}

/** A run of positions. */
export const takePositions = movementRule<TakePositions>({
  type: "takePositions",
  outputShape({ input, first, count, grid = [1, count] }, shapeOf) {
    const [batch, height, width, channels] = shapeOf(input);
    if (first + count > height * width || grid[0] * grid[1] !== count) {
      throw new TypeError(
        `Cannot take ${count} positions from ${first} on as ${grid.join(" x ")}: "${input}" is ${height} x ${width}`,
      );
    }
    return [batch, ...grid, channels];
  },
  forward: ({ first }, shapes) => takingPositions(shapes, first),
  backward: ({ first }, { input, output }) => puttingPositions({ input: output, output: input }, first),
  source: ({ first }, { input: [, , inputWidth], output: [, , width] }) => ([image, y, x, channel]): Place => {
    const position = first + y * width + x;
    return [image, Math.floor(position / inputWidth), position % inputWidth, channel];
  },
});
