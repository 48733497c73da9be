/**
 * The numbers of an attention, which reference and kernels share.
 *
 * @module
 */

import type { Parameter } from "../../engine/kernel.ts";
import { channelVectors, type Shape, unsigned } from "../shared/tensor.ts";
import type { Pair } from "../shared/window.ts";

/** The channels of all heads in a tensor, the first head's from channel `offset` on, a multiple of 4. */
export interface ChannelRun {
  readonly tensor: string;
  readonly offset: number;
}

/** The three things that attention reads. */
export const PARTS = ["query", "key", "value"] as const;

/** One of {@linkcode PARTS}. */
export type Part = typeof PARTS[number];

/** A number for each relative position of two patches of a grid, and three for a class token in front of them. */
export interface RelativeBias {
  /** Rows and columns of patches. */
  readonly grid: Pair;
  /** Tokens in front of the patches. */
  readonly prefix: 0 | 1;
}

/** Which windows of a rolled image hold parts that were not neighbours before. */
export interface ShiftMask {
  /** Height and width of the padded image. */
  readonly grid: Pair;
  readonly window: Pair;
  /** How far the image was rolled to the top and left. */
  readonly shift: Pair;
}

/** What an attention computes. */
export interface AttentionOptions extends Readonly<Record<Part, ChannelRun>> {
  readonly heads: number;
  /** Channels of a head, a multiple of 4. */
  readonly headChannels: number;
  /** Channels from a head's first to the next head's in each run, a multiple of 4; `headChannels` if left out. */
  readonly headStride?: number;
  /** What the products of queries and keys are multiplied by. */
  readonly scale: number;
  readonly bias?: RelativeBias & { readonly table: string };
  readonly mask?: ShiftMask;
}

/** An attention on tensors of known shapes. */
export interface AttentionShape {
  readonly batch: number;
  /** Positions of an entry of the batch that ask, and that are asked. */
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly headChannels: number;
  readonly headStride: number;
  readonly scale: number;
  /** The runs of channels with the channels of the tensors that they lie in. */
  readonly parts: Readonly<Record<Part, ChannelRun & { readonly channels: number }>>;
  readonly bias?: RelativeBias;
  readonly mask?: ShiftMask;
}

/** What a pair of two regions of a shifted window gets, as Swin's code has it. */
export const MASKED = -100;

/**
 * An attention on its tensors.
 *
 * @param options The attention.
 * @param shapeOf The shapes of its tensors.
 * @returns Sizes, and where the runs of channels lie.
 * @throws {TypeError} If the tensors do not go together, or a run of channels does not lie in its tensor.
 */
export function attentionShape(
  { heads, headChannels, headStride = headChannels, scale, bias, mask, ...runs }: AttentionOptions,
  shapeOf: (tensor: string) => Shape,
): AttentionShape {
  const [query, key, value] = PARTS.map((part) => {
    const { tensor, offset } = runs[part];
    const [batch, height, width, channels] = shapeOf(tensor);
    if (offset % 4 !== 0 || headChannels % 4 !== 0 || headStride % 4 !== 0 || headStride < headChannels) {
      throw new TypeError(
        `Cannot attend with ${headChannels} channels a head from ${offset} on, the heads ${headStride} apart: no ` +
          "multiples of 4, or too close",
      );
    }
    if (offset + (heads - 1) * headStride + headChannels > channels) {
      throw new TypeError(
        `Cannot attend: the ${part} of ${heads} x ${headChannels} channels from ${offset} on exceeds the ${channels} ` +
          `of "${tensor}"`,
      );
    }
    return { tensor, offset, channels, batch, positions: height * width };
  });
  if (query.batch !== key.batch || key.batch !== value.batch || key.positions !== value.positions) {
    throw new TypeError(
      `Cannot attend: ${query.batch} x ${query.positions} queries, ${key.batch} x ${key.positions} keys, ` +
        `${value.batch} x ${value.positions} values`,
    );
  }
  const shape = {
    batch: query.batch,
    queries: query.positions,
    keys: key.positions,
    heads,
    headChannels,
    headStride,
    scale,
    parts: { query, key, value },
    ...(bias ? { bias } : {}),
    ...(mask ? { mask } : {}),
  };
  if (bias) checkBias(shape, bias, shapeOf(bias.table));
  if (mask) checkMask(shape, mask);
  return shape;
}

/** Rows of a table of relative positions. */
export function biasRows({ grid: [height, width], prefix }: RelativeBias): number {
  return (2 * height - 1) * (2 * width - 1) + (prefix ? 3 : 0);
}

function checkBias({ queries, keys, heads }: AttentionShape, bias: RelativeBias, [batch, ...table]: Shape): void {
  const tokens = bias.prefix + bias.grid[0] * bias.grid[1];
  if (queries !== tokens || keys !== tokens) {
    throw new TypeError(`Cannot bias ${queries} x ${keys} pairs by the relative positions of ${tokens} tokens`);
  }
  if (batch !== 1 || table[0] * table[1] !== biasRows(bias) || table[2] !== heads) {
    throw new TypeError(
      `Cannot bias attention by a table [${[batch, ...table].join(", ")}]: it has ${
        biasRows(bias)
      } relative positions and ${heads} heads`,
    );
  }
}

function checkMask({ batch, queries, keys }: AttentionShape, { grid, window }: ShiftMask): void {
  const windows = grid[0] / window[0] * (grid[1] / window[1]);
  const positions = window[0] * window[1];
  if (queries !== positions || keys !== positions || batch % windows !== 0) {
    throw new TypeError(
      `Cannot mask ${batch} windows of ${queries} x ${keys} pairs as windows of ${window.join(" x ")} of an image of ${
        grid.join(" x ")
      }`,
    );
  }
}

/** 4-vectors of a head. */
export function headVectors({ headChannels }: AttentionShape): number {
  return headChannels / 4;
}

/** Where the vectors of a part lie: 4-vectors of a position of its tensor, and the first one of the part. */
export function partVectors({ parts }: AttentionShape, part: Part): { stride: number; first: number } {
  const { channels, offset } = parts[part];
  return { stride: channelVectors(channels), first: offset / 4 };
}

/** Bytes of a number for each query of each head, f32 `[N, heads, queries]`. */
export function statisticsBytes({ batch, heads, queries }: AttentionShape): number {
  return Math.ceil(batch * heads * queries / 4) * 16;
}

/** The lowest float in WGSL: less than any score. */
export const LOWEST = "-3.4028234e38";

/**
 * What kernels read that take blocks of queries or keys.
 *
 * @param shape The attention.
 * @param blocks Blocks of a head.
 * @param others Other parameters.
 * @returns The parameters, with the number of all blocks as `items`.
 */
export function pairParameters(
  { batch, queries, keys, heads, scale }: AttentionShape,
  blocks: number,
  others: readonly { name: string; value: number }[],
): Parameter[] {
  return unsigned([
    { name: "queries", value: queries },
    { name: "keys", value: keys },
    { name: "heads", value: heads },
    { name: "blocks", value: blocks },
    { name: "scale", type: "f32", value: scale },
    ...others,
    { name: "items", value: batch * heads * blocks },
  ]);
}

/** WGSL of the first vector of a head's row of the output: `entry` and `head` are known to it. */
export function outputPlace(shape: AttentionShape, query: string): string {
  return `((entry * parameters.queries + ${query}) * parameters.heads + head) * ${headVectors(shape)}u`;
}
