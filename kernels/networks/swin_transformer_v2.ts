/**
 * Swin V2.
 *
 * A block's norms stand behind its branches. Queries and keys are divided by their lengths, and their products multiplied
 * by a learned number per head, at most 100. What biases the attention by relative position is computed by a perceptron
 * from the logarithm of the distances, in units of the windows that the network was first trained with, through a sigmoid
 * to 0 .. 16: no parameter depends on the size of the windows.
 *
 * Sources: Liu et al., "Swin Transformer V2", 2022 (arXiv:2111.09883), section 3; timm's `SwinTransformerV2`.
 *
 * @module
 */

import type { ShiftMask } from "../operations/attention/shape.ts";
import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { activation, add, linear, type Tensor } from "./layers.ts";
import { biasPerceptron } from "./relative_position.ts";
import {
  attendInWindows,
  buildSwinOf,
  epsilon,
  SWIN_SIZES as SIZES,
  type SwinBlock,
  type SwinDescription,
} from "./swin_transformer.ts";
import { layerNorm, multilayerPerceptron, multiple, takeChannels } from "./token_layers.ts";

/** What a member of the family is. */
export interface SwinV2Description extends SwinDescription {
  /** Side of the windows of each stage in pre-training, where the windows are others now. */
  readonly pretrainedWindows?: readonly number[];
}

/** The logarithm of the largest factor of the products. */
const mostLogitScale = Math.log(100);
/** The least length that queries and keys are divided by, as in PyTorch's `normalize`. */
const leastLength = 1e-12;
const mostBias = 16;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildSwinV2(description: SwinV2Description): Network {
  return buildSwinOf(description, {
    merge(operations, merged, name, outputChannels) {
      const reduced = linear(operations, merged, `${name}.reduction`, { outputChannels, bias: false });
      return layerNorm(operations, reduced, `${name}.norm`, { epsilon });
    },
    block(operations, input, block) {
      const { name, dropPath } = block;
      const { channels } = input;
      const attended = attendInWindows(
        operations,
        input,
        block,
        (tensor, mask) =>
          cosineAttention(operations, tensor, block, description.pretrainedWindows?.[block.stage], mask),
      );
      const projected = linear(operations, attended, `${name}.attn.proj`, { outputChannels: channels });
      const normed = layerNorm(operations, projected, `${name}.norm1`, { epsilon, initial: 0 });
      const mixed = add(operations, normed, input, `${name}.mixed`, dropPath);
      const hidden = multilayerPerceptron(operations, mixed, `${name}.mlp`, {
        hiddenChannels: 4 * channels,
        activation: "gelu",
      });
      return add(
        operations,
        layerNorm(operations, hidden, `${name}.norm2`, { epsilon, initial: 0 }),
        mixed,
        name,
        dropPath,
      );
    },
  });
}

/** Attention of queries and keys of length 1. */
function cosineAttention(
  operations: Operation[],
  input: Tensor,
  { name, heads, window }: SwinBlock,
  pretrainedWindow: number | undefined,
  mask: ShiftMask | undefined,
): Tensor {
  const module = `${name}.attn`;
  const { channels } = input;
  const qkv = linear(operations, input, `${module}.qkv`, { outputChannels: 3 * channels, bias: false });
  /** Query, key or value; keys have no bias, which a softmax would not notice. */
  const part = (index: number, part: string, bias?: string): Tensor => {
    const tensor = takeChannels(operations, qkv, index * channels, channels, `${module}.${part}`);
    if (bias === undefined) return tensor;
    const output = `${tensor.name}.biased`;
    const parameter = { shape: [channels], bias: `${module}.${bias}` };
    operations.push({ type: "scale", input: tensor.name, output, channels, ...parameter });
    return { ...tensor, name: output };
  };
  const unit = (tensor: Tensor): Tensor => {
    const output = `${tensor.name}.unit`;
    const norm = { method: "l2", channels, groups: heads, epsilon: leastLength } as const;
    operations.push({ type: "channelNorm", input: tensor.name, output, ...norm });
    return { ...tensor, name: output };
  };
  const query = unit(part(0, "query", "q_bias"));
  const scaled = `${query.name}.scaled`;
  operations.push({
    type: "scale",
    input: query.name,
    output: scaled,
    channels,
    shape: [heads, 1, 1],
    weight: `${module}.logit_scale`,
    initial: Math.log(10),
    exponential: { most: mostLogitScale },
  });
  const own = pretrainedWindow === undefined ? window : [pretrainedWindow, pretrainedWindow];
  const logits = biasPerceptron(operations, `${module}.cpb_mlp`, {
    grid: window,
    heads,
    hiddenChannels: 512,
    layers: ["0", "2"],
    bias: false,
    decays: false,
    coordinate: (distance, axis) => logCoordinate(8 * distance / Math.max(own[axis] - 1, 1)),
  });
  const table = multiple(operations, activation(operations, logits, "sigmoid"), mostBias).name;
  const key = unit(part(1, "key"));
  const value = part(2, "value", "v_bias");
  operations.push({
    type: "attention",
    input: scaled,
    output: module,
    query: { tensor: scaled, offset: 0 },
    key: { tensor: key.name, offset: 0 },
    value: { tensor: value.name, offset: 0 },
    heads,
    headChannels: channels / heads,
    scale: 1,
    bias: { table, grid: window, prefix: 0 },
    ...(mask ? { mask } : {}),
  });
  return { ...input, name: module };
}

/** The logarithm to base 8 of 1 + |x|, with the sign of x. */
function logCoordinate(x: number): number {
  return Math.sign(x) * Math.log2(Math.abs(x) + 1) / 3;
}

type Member = Omit<SwinV2Description, "name" | "classes" | "size">;

/** Members of one depth and width, by the end of their names: windows, size, and windows in pre-training. */
function members(prefix: string, shape: Pick<Member, "channels" | "depths" | "heads">, names: readonly string[]) {
  return names.map((name): [string, Member] => {
    const [, from, window, ownSize] = /^window(?:(\d+)to)?(\d+)_(?:\d+to)?(\d+)$/.exec(name)!;
    const windows = new Array<number>(4).fill(Number(window));
    const pretrained = Number(from);
    return [`${prefix}_${name}`, {
      ...shape,
      windows,
      ownSize: Number(ownSize),
      ...(from === undefined ? {} : { pretrainedWindows: [pretrained, pretrained, pretrained, pretrained / 2] }),
    }];
  });
}

const ownWindows = ["window8_256", "window16_256"];
const largerWindows = ["window12_192", "window12to16_192to256", "window12to24_192to384"];

/** The members that timm has. */
export const swinV2s: Family = familyOf(
  Object.fromEntries([
    ...members("swinv2_tiny", SIZES.tiny, ownWindows),
    ...members("swinv2_small", SIZES.small, ownWindows),
    ...members("swinv2_base", SIZES.base, [...ownWindows, ...largerWindows]),
    ...members("swinv2_large", SIZES.large, largerWindows),
  ]),
  buildSwinV2,
);
