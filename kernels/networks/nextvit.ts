/**
 * Next-ViT: convolutions in groups, and attention to averages of the image.
 *
 * Four stages. Most blocks are a grouped 3x3 convolution and a perceptron, each with a residual. The last of a stage, in the
 * third every fifth, attend: their keys and values are of averages over runs of positions, in row-major order, and a
 * grouped convolution of a quarter of the channels stands beside them. All norms are batch norms.
 *
 * Sources: Li et al., "Next-ViT", 2022 (arXiv:2207.05501); timm's `NextViT`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import type { Pair } from "../operations/shared/window.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import { activation, add, batchNorm, convolution, finish, image, linear, pool, type Tensor } from "./layers.ts";
import { concatenate, multilayerPerceptron } from "./token_layers.ts";

/** What a member of the family is. */
export interface NextViTDescription {
  readonly name: string;
  /** Height and width of the input; 224 x 224 if left out. */
  readonly size?: Pair;
  /** Blocks of each stage; of the third, a multiple of 5. */
  readonly depths: readonly number[];
  readonly classes: number;
}

const epsilon = 1e-5;
const headChannels = 32;
/** Share of an attending block's channels that its attention gives; of its drop path rate too. */
const attendedShare = 0.75;
/** Widths of perceptrons over what they read, of both kinds of block. */
const expansion = { convolving: 3, attending: 2 };
/** Along how many rows and columns, squared, positions are averaged for keys and values. */
const reductions = [8, 4, 2, 1];

/** Channels of the blocks of each stage. */
function stageChannels(depths: readonly number[]): number[][] {
  const repeat = (channels: number, count: number) => new Array<number>(count).fill(channels);
  return [
    repeat(96, depths[0]),
    [...repeat(192, depths[1] - 1), 256],
    repeat(0, depths[2] / 5).flatMap(() => [384, 384, 384, 384, 512]),
    [...repeat(768, depths[3] - 1), 1024],
  ];
}

/** Whether the block of a stage attends. */
function attends(stage: number, index: number, depth: number): boolean {
  if (stage === 0) return false;
  return stage === 2 ? index % 5 === 4 : index === depth - 1;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildNextViT(description: NextViTDescription): Network {
  const { depths, size = [224, 224] } = description;
  const operations: Operation[] = [];
  let tensor = image;
  [[64, 2], [32, 1], [64, 1], [64, 2]].forEach(([outputChannels, stride], index) => {
    const name = `stem.${index}`;
    tensor = convolution(operations, tensor, `${name}.conv`, { outputChannels, kernel: 3, stride });
    tensor = activation(operations, batchNorm(operations, tensor, `${name}.norm`, epsilon), "relu");
  });
  let grid = halve(halve(size));
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let block = 0;
  stageChannels(depths).forEach((widths, stage) => {
    if (stage > 0) grid = halve(grid);
    widths.forEach((channels, index) => {
      const place: Place = {
        name: `stages.${stage}.blocks.${index}`,
        stride: stage > 0 && index === 0 ? 2 : 1,
        dropPath: block++ / last,
      };
      tensor = attends(stage, index, depths[stage])
        ? attendingBlock(operations, tensor, place, { channels, grid, reduction: reductions[stage] })
        : convolvingBlock(operations, tensor, place, channels);
    });
  });
  tensor = batchNorm(operations, tensor, "norm", epsilon);
  const { name, classes } = description;
  const network = finish(name, operations, tensor, { name: "head.fc", classes }, "convnext");
  return { ...network, inputSize: size };
}

function halve([height, width]: Pair): Pair {
  return [Math.ceil(height / 2), Math.ceil(width / 2)];
}

interface Place {
  readonly name: string;
  readonly stride: number;
  readonly dropPath: number;
}

/** An average of 2 x 2 positions where it is strided, and a 1x1 convolution where the shape changes. */
function embed(operations: Operation[], input: Tensor, name: string, outputChannels: number, stride: number): Tensor {
  if (stride === 1 && input.channels === outputChannels) return input;
  let tensor = input;
  if (stride === 2) {
    const window = { mode: "average", kernel: 2, stride: 2, ceilMode: true, countPadding: false } as const;
    tensor = pool(operations, tensor, `${name}.pool`, window);
  }
  tensor = convolution(operations, tensor, `${name}.conv`, { outputChannels, kernel: 1 });
  return batchNorm(operations, tensor, `${name}.norm`, epsilon);
}

/** A 3x3 convolution of each head by itself, and one that joins them. */
function convolveHeads(operations: Operation[], input: Tensor, name: string): Tensor {
  const { channels } = input;
  const window = { outputChannels: channels, kernel: 3, groups: channels / headChannels };
  const grouped = convolution(operations, input, `${name}.group_conv3x3`, window);
  const activated = activation(operations, batchNorm(operations, grouped, `${name}.norm`, epsilon), "relu");
  return convolution(operations, activated, `${name}.projection`, { outputChannels: channels, kernel: 1 });
}

function perceptron(operations: Operation[], input: Tensor, name: string, hiddenChannels: number): Tensor {
  return multilayerPerceptron(operations, input, name, { hiddenChannels, activation: "relu", convolutions: true });
}

function convolvingBlock(operations: Operation[], input: Tensor, place: Place, channels: number): Tensor {
  const { name, stride, dropPath } = place;
  const embedded = embed(operations, input, `${name}.patch_embed`, channels, stride);
  const mixed = add(
    operations,
    convolveHeads(operations, embedded, `${name}.mhca`),
    embedded,
    `${name}.mixed`,
    dropPath,
  );
  const normed = batchNorm(operations, mixed, `${name}.norm`, epsilon);
  const hidden = perceptron(operations, normed, `${name}.mlp`, expansion.convolving * channels);
  return add(operations, hidden, mixed, name, dropPath);
}

function attendingBlock(
  operations: Operation[],
  input: Tensor,
  { name, stride, dropPath }: Place,
  { channels, grid, reduction }: { channels: number; grid: Pair; reduction: number },
): Tensor {
  const attendedChannels = makeDivisible(Math.floor(channels * attendedShare), 32);
  const embedded = embed(operations, input, `${name}.patch_embed`, attendedChannels, stride);
  const normed = batchNorm(operations, embedded, `${name}.norm1`, epsilon);
  const attended = attendToAverages(operations, normed, `${name}.e_mhsa`, grid, reduction);
  const mixed = add(operations, attended, embedded, `${name}.attended`, dropPath * attendedShare);
  const projected = embed(operations, mixed, `${name}.projection`, channels - attendedChannels, 1);
  const convolved = convolveHeads(operations, projected, `${name}.mhca`);
  const beside = add(operations, convolved, projected, `${name}.convolved`, dropPath * (1 - attendedShare));
  const both = concatenate(operations, [mixed, beside], `${name}.mixed`);
  const hidden = batchNorm(operations, both, `${name}.norm2`, epsilon);
  const branch = perceptron(operations, hidden, `${name}.mlp`, expansion.attending * channels);
  return add(operations, branch, both, name, dropPath);
}

function attendToAverages(
  operations: Operation[],
  input: Tensor,
  name: string,
  grid: Pair,
  reduction: number,
): Tensor {
  const { channels } = input;
  let averages = input;
  if (reduction > 1) {
    const line = `${name}.line`;
    operations.push({ type: "takePositions", input: input.name, output: line, first: 0, count: grid[0] * grid[1] });
    const run = reduction ** 2;
    const window = { kernel: [1, run], stride: [1, run], padding: [0, 0] } as const;
    operations.push({ type: "pool", mode: "average", input: line, output: `${name}.sr`, ...window });
    averages = batchNorm(operations, { ...input, name: `${name}.sr` }, `${name}.norm`, epsilon);
  }
  const layer = (tensor: Tensor, part: string) =>
    linear(operations, tensor, `${name}.${part}`, { outputChannels: channels });
  const query = layer(input, "q");
  const part = (part: string) => ({ tensor: layer(averages, part).name, offset: 0 });
  operations.push({
    type: "attention",
    input: query.name,
    output: name,
    query: { tensor: query.name, offset: 0 },
    key: part("k"),
    value: part("v"),
    heads: channels / headChannels,
    headChannels,
    scale: headChannels ** -0.5,
  });
  return linear(operations, { ...input, name }, `${name}.proj`, { outputChannels: channels });
}

/** The members that timm has. */
export const nextvits: Family = familyOf(
  {
    nextvit_small: { depths: [3, 4, 10, 3] },
    nextvit_base: { depths: [3, 4, 20, 3] },
    nextvit_large: { depths: [3, 4, 30, 3] },
  },
  buildNextViT,
);
