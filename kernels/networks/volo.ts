/**
 * VOLO: outlook attention, then transformers, then blocks in which a class token attends to all positions.
 *
 * Positions of 8 x 8 pixels mix by outlook attention: what a position says weighs each of its 3 x 3 neighbours' views of
 * the same neighbourhood. 2 x 2 positions then become one, a position embedding is added, and transformers follow. The last
 * blocks change the class token only.
 *
 * The network was trained with labels of its positions too (token labeling, which is ReLabel with the map given to the
 * network's own cells): `aux_head` gives the classes of each position, and is the head of label maps. An image's logits are
 * the class token's plus half of the largest of all positions'.
 *
 * Sources: Yuan et al., "VOLO: Vision Outlooker for Visual Recognition", 2022 (arXiv:2106.13112); Jiang et al., "All Tokens
 * Matter: Token Labeling for Training Better Vision Transformers", 2021 (arXiv:2104.10858); timm's `VOLO`.
 *
 * @module
 */

import type { Head, Network, StoredParameter } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import type { Pair } from "../operations/shared/window.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  batchNorm,
  classifierLayer,
  convolution,
  finishWithHeads,
  image,
  linear,
  type Tensor,
} from "./layers.ts";
import { resamplePositionEmbedding } from "./resample_position_embedding.ts";
import { layerNorm, multilayerPerceptron, multiple, selfAttention } from "./token_layers.ts";

/** What a member of the family is. */
export interface VoloDescription {
  readonly name: string;
  /** Height and width of the input; a square of `ownSize` if left out. */
  readonly size?: Pair;
  readonly ownSize: number;
  readonly stemChannels: number;
  /** Blocks of outlook attention, and of three runs of transformers. */
  readonly depths: readonly number[];
  /** Channels and heads of outlook attention and of what follows it. */
  readonly channels: readonly [outlooking: number, attending: number];
  readonly heads: readonly [outlooking: number, attending: number];
  /** Width of perceptrons over that of what they read. */
  readonly expansion: number;
  readonly classes: number;
}

const batchNormEpsilon = 1e-5;
const epsilon = 1e-5;
/** Pixels along a side of a position, before and after positions are joined. */
const patchSizes = { outlooking: 8, attending: 16 };
const classBlocks = 2;
/** How much of the largest logits of positions is added to an image's. */
const auxiliaryShare = 0.5;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildVolo(description: VoloDescription): Network {
  const { ownSize, size = [ownSize, ownSize], depths, channels, heads, classes } = description;
  const operations: Operation[] = [];
  let tensor = buildStem(operations, description.stemChannels);
  const patch = patchSizes.outlooking / tensor.stride;
  const window = { outputChannels: channels[0], kernel: patch, stride: patch, padding: 0, bias: true };
  tensor = convolution(operations, tensor, "patch_embed.proj", window);
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let count = depths[0];
  for (let index = 0; index < depths[0]; index++) {
    tensor = residualBlock(
      operations,
      tensor,
      description,
      { name: `network.0.${index}`, dropPath: 0 },
      (normed, name) => outlook(operations, normed, name, heads[0]),
    );
  }
  const joined = { outputChannels: channels[1], kernel: 2, stride: 2, padding: 0, bias: true };
  tensor = convolution(operations, tensor, "network.1.proj", joined);
  const grid: Pair = [Math.floor(size[0] / patchSizes.attending), Math.floor(size[1] / patchSizes.attending)];
  operations.push({
    type: "positionEmbedding",
    input: tensor.name,
    output: "embedded",
    parameter: "pos_embed",
    shape: [1, ...grid, channels[1]],
  });
  tensor = { ...tensor, name: "embedded" };
  depths.slice(1).forEach((depth, stage) => {
    for (let index = 0; index < depth; index++) {
      const place = { name: `network.${stage + 2}.${index}`, dropPath: count++ / last };
      tensor = residualBlock(operations, tensor, description, place, (normed, name) => {
        const qkv = linear(operations, normed, `${name}.qkv`, { outputChannels: 3 * channels[1], bias: false });
        return selfAttention(operations, qkv, name, channels[1] / heads[1]);
      });
    }
  });
  const tokens = attendByClass(operations, tensor, description, grid);
  const part = (part: string, first: number, count: number, grid?: Pair): Tensor => {
    const output = `norm.${part}`;
    operations.push({ type: "takePositions", input: tokens.name, output, first, count, ...(grid ? { grid } : {}) });
    return { ...tokens, name: output };
  };
  const classToken = part("class", 0, 1);
  const features = part("patches", 1, grid[0] * grid[1], grid);
  return finishWithHeads({
    name: description.name,
    operations,
    features,
    ...voloHeads(classToken, features, grid, classes),
    classifier: { ...classifierLayer("head", channels[1], classes), others: ["aux_head.weight", "aux_head.bias"] },
    inputSize: size,
    resampled: { pos_embed: (stored) => resampleEmbeddingGrid(stored, grid) },
    initialisation: "transformer",
  });
}

function buildStem(operations: Operation[], outputChannels: number): Tensor {
  let tensor = image;
  [{ kernel: 7, stride: 2 }, { kernel: 3 }, { kernel: 3 }].forEach((window, index) => {
    tensor = convolution(operations, tensor, `patch_embed.conv.${3 * index}`, { outputChannels, ...window });
    const normed = batchNorm(operations, tensor, `patch_embed.conv.${3 * index + 1}`, batchNormEpsilon);
    tensor = activation(operations, normed, "relu");
  });
  return tensor;
}

/** A branch that mixes positions, and a perceptron, each behind a norm and with a residual. */
function residualBlock(
  operations: Operation[],
  input: Tensor,
  { expansion }: VoloDescription,
  { name, dropPath }: { name: string; dropPath: number },
  mix: (normed: Tensor, name: string) => Tensor,
): Tensor {
  const { channels } = input;
  const mixed = mix(layerNorm(operations, input, `${name}.norm1`, { epsilon }), `${name}.attn`);
  const projected = linear(operations, mixed, `${name}.attn.proj`, { outputChannels: channels });
  const sum = add(operations, projected, input, `${name}.mixed`, dropPath);
  const hidden = multilayerPerceptron(
    operations,
    layerNorm(operations, sum, `${name}.norm2`, { epsilon }),
    `${name}.mlp`,
    {
      hiddenChannels: Math.floor(expansion * channels),
      activation: "gelu",
    },
  );
  return add(operations, hidden, sum, name, dropPath);
}

/** Outlook attention to 3 x 3 neighbours, at every second position. */
function outlook(operations: Operation[], input: Tensor, name: string, heads: number): Tensor {
  const { channels } = input;
  const value = linear(operations, input, `${name}.v`, { outputChannels: channels, bias: false });
  const pooled = `${name}.pool`;
  operations.push({
    type: "pool",
    mode: "average",
    input: input.name,
    output: pooled,
    kernel: [2, 2],
    stride: [2, 2],
    padding: [0, 0],
    ceilMode: true,
  });
  const logits = linear(operations, { ...input, name: pooled }, `${name}.attn`, { outputChannels: 81 * heads });
  operations.push({
    type: "outlookAttention",
    input: value.name,
    logits: logits.name,
    output: name,
    heads,
    stride: [2, 2],
    scale: (channels / heads) ** -0.5,
  });
  return { ...input, name };
}

/** Blocks in which a class token attends to itself and to all positions; returns the norm of all. */
function attendByClass(operations: Operation[], patches: Tensor, description: VoloDescription, grid: Pair): Tensor {
  const { expansion, heads } = description;
  const { channels } = patches;
  const count = 1 + grid[0] * grid[1];
  const put = (input: Tensor, output: string, first: number): Tensor => {
    operations.push({ type: "putPositions", input: input.name, output, first, count });
    return { ...input, name: output };
  };
  const first = (input: Tensor, output: string): Tensor => {
    operations.push({ type: "takePositions", input: input.name, output, first: 0, count: 1 });
    return { ...input, name: output };
  };
  const behind = put(patches, "post_network.patches", 1);
  operations.push({
    type: "prefixTokens",
    input: patches.name,
    output: "post_network.tokens",
    channels,
    tokens: [{ parameter: "cls_token", count: 1, initial: { truncatedNormal: 0.02 } }],
  });
  let tokens: Tensor = { ...patches, name: "post_network.tokens" };
  for (let block = 0; block < classBlocks; block++) {
    const name = `post_network.${block}`;
    const module = `${name}.attn`;
    const normed = layerNorm(operations, tokens, `${name}.norm1`, { epsilon });
    const bias = false;
    const both = linear(operations, normed, `${module}.kv`, { outputChannels: 2 * channels, bias });
    const query = linear(operations, first(normed, `${module}.class`), `${module}.q`, {
      outputChannels: channels,
      bias,
    });
    operations.push({
      type: "attention",
      input: query.name,
      output: module,
      query: { tensor: query.name, offset: 0 },
      key: { tensor: both.name, offset: 0 },
      value: { tensor: both.name, offset: channels },
      heads: heads[1],
      headChannels: channels / heads[1],
      scale: (channels / heads[1]) ** -0.5,
    });
    const attended = linear(operations, { ...query, name: module }, `${module}.proj`, { outputChannels: channels });
    const mixed = add(operations, attended, first(tokens, `${name}.class`), `${name}.mixed`, 0);
    const hidden = multilayerPerceptron(
      operations,
      layerNorm(operations, mixed, `${name}.norm2`, { epsilon }),
      `${name}.mlp`,
      {
        hiddenChannels: Math.floor(expansion * channels),
        activation: "gelu",
      },
    );
    const classToken = add(operations, hidden, mixed, `${name}.changed`, 0);
    tokens = add(operations, put(classToken, `${name}.front`, 0), behind, name, 0);
  }
  return layerNorm(operations, tokens, "norm", { epsilon });
}

function voloHeads(classToken: Tensor, features: Tensor, grid: Pair, classes: number): { dense: Head; pooled: Head } {
  const dense: Operation[] = [];
  const pooled: Operation[] = [];
  const cells = (operations: Operation[]) => linear(operations, features, "aux_head", { outputChannels: classes });
  const largest = "aux_head.max";
  const window = { kernel: grid, stride: grid, padding: [0, 0] } as const;
  pooled.push({ type: "pool", mode: "max", input: cells(pooled).name, output: largest, ...window });
  const half = multiple(pooled, { ...features, name: largest, channels: classes }, auxiliaryShare);
  const own = linear(pooled, classToken, "head", { outputChannels: classes });
  return {
    dense: { output: cells(dense).name, operations: dense },
    pooled: { output: add(pooled, half, own, "logits", 0).name, operations: pooled },
  };
}

/** Position embeddings `[1, s, s, C]` at another grid. */
function resampleEmbeddingGrid({ shape, data }: StoredParameter, grid: Pair): Float32Array {
  const [one, height, width, channels] = shape;
  const isGrid = shape.length === 4 && height === width;
  return resamplePositionEmbedding({ shape: isGrid ? [one, height * width, channels] : shape, data }, grid, 0);
}

type Member = Omit<VoloDescription, "name" | "classes" | "size" | "ownSize">;

const MEMBERS: Readonly<Record<string, readonly [member: Member, ...sizes: number[]]>> = {
  d1: [{ stemChannels: 64, depths: [4, 4, 8, 2], channels: [192, 384], heads: [6, 12], expansion: 3 }, 224, 384],
  d2: [{ stemChannels: 64, depths: [6, 4, 10, 4], channels: [256, 512], heads: [8, 16], expansion: 3 }, 224, 384],
  d3: [{ stemChannels: 64, depths: [8, 8, 16, 4], channels: [256, 512], heads: [8, 16], expansion: 3 }, 224, 448],
  d4: [{ stemChannels: 64, depths: [8, 8, 16, 4], channels: [384, 768], heads: [12, 16], expansion: 3 }, 224, 448],
  d5: [
    { stemChannels: 128, depths: [12, 12, 20, 4], channels: [384, 768], heads: [12, 16], expansion: 4 },
    224,
    448,
    512,
  ],
};

/** The members that timm has. */
export const volos: Family = familyOf(
  Object.fromEntries(
    Object.entries(MEMBERS).flatMap(([name, [member, ...sizes]]) =>
      sizes.map((ownSize) => [`volo_${name}_${ownSize}`, { ...member, ownSize }])
    ),
  ),
  buildVolo,
);
