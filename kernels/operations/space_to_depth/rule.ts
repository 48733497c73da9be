/**
 * Blocks of positions as channels of one position: the patch merging of Swin (timm's PatchMerging, `columnFirst`), the
 * first layer of TResNet (timm's SpaceToDepth, `rowFirst`). Rows and columns that are missing at the bottom and on the
 * right are zero.
 *
 * @module
 */

import { type MovedShapes, type Movement, movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";

/** `[N, H, W, C]` to `[N, ceil(H / block), ceil(W / block), block * block * C]`. */
export interface SpaceToDepth extends AnyOperation {
  readonly type: "spaceToDepth";
  readonly block: number;
  /** The order of the output's channels: by row of the block, column and channel, or by column, row and channel. */
  readonly order: "rowFirst" | "columnFirst";
}

type Blocks = Pick<SpaceToDepth, "block" | "order">;

/** Blocks as channels. */
function gathering({ block, order }: Blocks, shapes: MovedShapes): Movement {
  return {
    name: `space to depth ${order}`,
    ...shapes,
    wholeVectors: shapes.input[3] % 4 === 0,
    parameters: [{ name: "block", value: block }],
    source: `  let place = to.w / parameters.inputChannels;
  let major = place / parameters.block;
  let minor = place % parameters.block;
  let first = parameters.block * to.yz;
  let channel = to.w % parameters.inputChannels;
  return vec4<u32>(to.x, first + vec2<u32>(${order === "rowFirst" ? "major, minor" : "minor, major"}), channel);`,
  };
}

/** Channels as blocks: the inverse of {@linkcode gathering}, and its gradient. */
function spreading({ block, order }: Blocks, shapes: MovedShapes): Movement {
  return {
    name: `depth to space ${order}`,
    ...shapes,
    wholeVectors: shapes.output[3] % 4 === 0,
    parameters: [{ name: "block", value: block }],
    source: `  let row = to.y % parameters.block;
  let column = to.z % parameters.block;
  let place = ${order === "rowFirst" ? "row * parameters.block + column" : "column * parameters.block + row"};
  return vec4<u32>(to.x, to.yz / parameters.block, place * parameters.channels + to.w);`,
  };
}

/** Blocks of positions as channels. */
export const spaceToDepth = movementRule<SpaceToDepth>({
  type: "spaceToDepth",
  outputShape({ input, block }, shapeOf) {
    const [batch, height, width, channels] = shapeOf(input);
    return [batch, Math.ceil(height / block), Math.ceil(width / block), block * block * channels];
  },
  forward: gathering,
  backward: (operation, { input, output }) => spreading(operation, { input: output, output: input }),
  source: ({ block, order }, { input: [, , , channels] }) => ([image, y, x, channel]): Place => {
    const place = Math.floor(channel / channels);
    const [major, minor] = [Math.floor(place / block), place % block];
    const [row, column] = order === "rowFirst" ? [major, minor] : [minor, major];
    return [image, y * block + row, x * block + column, channel % channels];
  },
});
