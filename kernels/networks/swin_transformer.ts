// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * Swin: transformers whose attention is within windows, which every other block shifts by half a window.
 *
 * Patches of 4 x 4 pixels, then four stages; between them 2 x 2 positions become one of twice the channels. In a shifted
 * block the image is rolled, and a mask keeps what was not adjacent apart. A window that is as large as the image has
 * neither windows nor shift. Another image size keeps the windows where they fit, and pads the image to whole ones.
 *
 * In the first version a block's norms stand before its branches, and a table per block biases the attention by relative
 * position. The second is in `swin_transformer_v2.ts`. Both end in a norm, an average pool and a linear layer.
 *
 * Sources: Liu et al., "Swin Transformer", 2021 (arXiv:2103.14030); Chen et al., "Searching the Search Space of Vision
 * Transformer", 2021 (arXiv:2111.14725), for the windows of `swin_s3`; timm's `SwinTransformer`.
 *
 * @module
 */

import type { ShiftMask } from "../operations/attention/shape.ts";
import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import type { Pair } from "../operations/shared/window.ts";
import { type Family, familyOf } from "./family.ts";
import { add, convolution, finish, image, linear, type Tensor } from "./layers.ts";
import { biasTable } from "./relative_position.ts";
import { resampleBiasTable } from "./resample_bias_table.ts";
import { layerNorm, multilayerPerceptron, selfAttention, spaceToDepth } from "./token_layers.ts";

/** What a member of the family is. */
export interface SwinDescription {
  readonly name: string;
  /** Height and width of the input; `ownSize` if left out. */
  readonly size?: Pair;
  /** Side of the input it is made for. */
  readonly ownSize: number;
  /** Channels of the first stage. */
  readonly channels: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  /** Side of the windows of each stage. */
  readonly windows: readonly number[];
  readonly classes: number;
}

/** A block: where it stands, and what its windows are. */
export interface SwinBlock {
  readonly name: string;
  readonly stage: number;
  /** Its share of the drop path rate. */
  readonly dropPath: number;
  readonly heads: number;
  /** Height and width of its input. */
  readonly grid: Pair;
  readonly window: Pair;
  readonly shift: Pair;
}

/** What the two versions differ in. */
export interface SwinVersion {
  /** Joins 2 x 2 positions, of which `merged` holds all channels, to one of `outputChannels`. */
  merge(operations: Operation[], merged: Tensor, name: string, outputChannels: number): Tensor;
  block(operations: Operation[], input: Tensor, block: SwinBlock): Tensor;
  /** Parameters that another size changes. */
  readonly resampled?: Network["resampled"];
}

type Resample = NonNullable<Network["resampled"]>[string];

const patchSize = 4;
/** PyTorch's epsilon of a layer norm. */
export const epsilon = 1e-5;

/**
 * Builds a Swin of either version.
 *
 * @param description What it is.
 * @param version What is the version's own.
 * @returns The network.
 */
export function buildSwinOf(description: SwinDescription, version: SwinVersion): Network {
  const { depths, channels, ownSize, size = [ownSize, ownSize] } = description;
  const operations: Operation[] = [];
  const patch = { outputChannels: channels, kernel: patchSize, stride: patchSize, padding: 0, bias: true };
  let tensor = convolution(operations, image, "patch_embed.proj", patch);
  tensor = layerNorm(operations, tensor, "patch_embed.norm", { epsilon });
  let grid: Pair = [Math.floor(size[0] / patchSize), Math.floor(size[1] / patchSize)];
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let count = 0;
  depths.forEach((depth, stage) => {
    if (stage > 0) {
      const name = `layers.${stage}.downsample`;
      const merged = spaceToDepth(operations, tensor, `${name}.merged`, 2, "columnFirst");
      tensor = version.merge(operations, merged, name, 2 * tensor.channels);
      grid = [Math.ceil(grid[0] / 2), Math.ceil(grid[1] / 2)];
    }
    for (let index = 0; index < depth; index++) {
      tensor = version.block(operations, tensor, {
        name: `layers.${stage}.blocks.${index}`,
        stage,
        dropPath: count++ / last,
        heads: description.heads[stage],
        grid,
        ...placeWindows(grid, description.windows[stage], index % 2 === 1),
      });
    }
  });
  tensor = layerNorm(operations, tensor, "norm", { epsilon });
  const { name, classes } = description;
  const network = finish(name, operations, tensor, { name: "head.fc", classes }, "transformer");
  return { ...network, inputSize: size, ...(version.resampled ? { resampled: version.resampled } : {}) };
}

/** Windows no larger than the grid, shifted by half a window along an axis that has several. */
function placeWindows(grid: Pair, side: number, shifted: boolean): { window: Pair; shift: Pair } {
  const window = [Math.min(grid[0], side), Math.min(grid[1], side)] as const;
  const shift = (axis: 0 | 1) => shifted && grid[axis] > window[axis] ? Math.floor(side / 2) : 0;
  return { window, shift: [shift(0), shift(1)] };
}

/**
 * Appends what `attend` does within a block's windows, and puts them together again.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param block The block.
 * @param attend Appends an attention; it is given its mask.
 * @returns The tensor of the input's height and width.
 */
export function attendInWindows(
  operations: Operation[],
  input: Tensor,
  { name, grid, window, shift }: SwinBlock,
  attend: (input: Tensor, mask?: ShiftMask) => Tensor,
): Tensor {
  if (grid[0] === window[0] && grid[1] === window[1]) return attend(input);
  const cut = { type: "windows", window, shift, spacing: "block" } as const;
  const windows = `${name}.windows`;
  operations.push({ ...cut, input: input.name, output: windows, direction: "split" });
  const padded = [Math.ceil(grid[0] / window[0]) * window[0], Math.ceil(grid[1] / window[1]) * window[1]] as const;
  const isShifted = shift[0] > 0 || shift[1] > 0;
  const attended = attend({ ...input, name: windows }, isShifted ? { grid: padded, window, shift } : undefined);
  const joined = `${name}.joined`;
  operations.push({ ...cut, input: attended.name, output: joined, direction: "join", like: input.name });
  return { ...attended, name: joined };
}

/**
 * Builds a member of the first version.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildSwin(description: SwinDescription): Network {
  const resampled: Record<string, Resample> = {};
  return buildSwinOf(description, {
    merge(operations, merged, name, outputChannels) {
      const normed = layerNorm(operations, merged, `${name}.norm`, { epsilon });
      return linear(operations, normed, `${name}.reduction`, { outputChannels, bias: false });
    },
    block(operations, input, block) {
      const { name, heads, window, dropPath } = block;
      const { channels } = input;
      const parameter = `${name}.attn.relative_position_bias_table`;
      resampled[parameter] = (stored) => resampleBiasTable(stored, window, 0);
      const normed = layerNorm(operations, input, `${name}.norm1`, { epsilon });
      const attended = attendInWindows(operations, normed, block, (tensor, mask) => {
        const qkv = linear(operations, tensor, `${name}.attn.qkv`, { outputChannels: 3 * channels });
        const bias = biasTable(operations, parameter, { grid: window, heads });
        return selfAttention(operations, qkv, `${name}.attn`, channels / heads, { bias, ...(mask ? { mask } : {}) });
      });
      const projected = linear(operations, attended, `${name}.attn.proj`, { outputChannels: channels });
      const mixed = add(operations, projected, input, `${name}.mixed`, dropPath);
      const hidden = multilayerPerceptron(
        operations,
        layerNorm(operations, mixed, `${name}.norm2`, { epsilon }),
        `${name}.mlp`,
        {
          hiddenChannels: 4 * channels,
          activation: "gelu",
        },
      );
      return add(operations, hidden, mixed, name, dropPath);
    },
    resampled,
  });
}

/** Channels, blocks and heads of members of both versions. */
export const SWIN_SIZES = {
  tiny: { channels: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24] },
  small: { channels: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24] },
  base: { channels: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32] },
  large: { channels: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48] },
} as const;

type Member = Omit<SwinDescription, "name" | "classes" | "size">;

const at224 = { ownSize: 224, windows: [7, 7, 7, 7] };
const at384 = { ownSize: 384, windows: [12, 12, 12, 12] };

const MEMBERS: Readonly<Record<string, Member>> = {
  swin_tiny_patch4_window7_224: { ...SWIN_SIZES.tiny, ...at224 },
  swin_small_patch4_window7_224: { ...SWIN_SIZES.small, ...at224 },
  swin_base_patch4_window7_224: { ...SWIN_SIZES.base, ...at224 },
  swin_base_patch4_window12_384: { ...SWIN_SIZES.base, ...at384 },
  swin_large_patch4_window7_224: { ...SWIN_SIZES.large, ...at224 },
  swin_large_patch4_window12_384: { ...SWIN_SIZES.large, ...at384 },
  swin_s3_tiny_224: { ...SWIN_SIZES.tiny, ownSize: 224, windows: [7, 7, 14, 7] },
  swin_s3_small_224: { ...SWIN_SIZES.small, ownSize: 224, windows: [14, 14, 14, 7] },
  swin_s3_base_224: { ...SWIN_SIZES.small, depths: [2, 2, 30, 2], ownSize: 224, windows: [7, 7, 14, 7] },
};

/** The members that timm has. */
export const swins: Family = familyOf(MEMBERS, buildSwin);
