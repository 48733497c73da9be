// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * MambaOut: gated convolutions.
 *
 * A stem of two strided convolutions, then four stages of blocks: a norm, a linear layer to a gate and to what it gates, a
 * depthwise 7x7 convolution of the latter's last channels, the product with the gate's activation, a linear layer, a
 * residual. Behind the average pool stand a norm, a linear layer with GELU and the classifier: a label map has them in each
 * cell. The members of timm's own (`_rw`) scale their branches; the others have a second norm before the classifier.
 *
 * Sources: Yu and Wang, "MambaOut: Do We Really Need Mamba for Vision?", 2025 (arXiv:2405.07992); timm's `MambaOut`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  averagePooledHeads,
  classifierLayer,
  convolution,
  finishWithHeads,
  image,
  linear,
  type Tensor,
} from "./layers.ts";
import { concatenate, layerNorm, layerScale, multiply, takeChannels } from "./token_layers.ts";

/** What a member of the family is. */
export interface MambaOutDescription {
  readonly name: string;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly channels: readonly number[];
  /** Channels of a gate over those of the block. */
  readonly expansion: number;
  /** Channels of the convolution over those of the block. */
  readonly convolved: number;
  readonly activation: ActivationFunction;
  /** Whether it is one of timm's own: what scales of branches begin at, which is 1e-5 whatever timm's configuration says. */
  readonly branchScale?: number;
  readonly classes: number;
}

const epsilon = 1e-6;
/** Width of the head's perceptron over that of the feature map. */
const headExpansion = 4;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildMambaOut(description: MambaOutDescription): Network {
  const { depths, channels, branchScale, classes } = description;
  const isTimms = branchScale !== undefined;
  const operations: Operation[] = [];
  const norm = (tensor: Tensor, name: string) => layerNorm(operations, tensor, name, { epsilon });
  const half = (tensor: Tensor, name: string, outputChannels: number) =>
    convolution(operations, tensor, name, { outputChannels, kernel: 3, stride: 2, bias: true });
  let tensor = half(image, "stem.conv1", channels[0] / 2);
  if (!isTimms) tensor = norm(tensor, "stem.norm1");
  tensor = activation(operations, tensor, description.activation);
  tensor = norm(half(tensor, "stem.conv2", channels[0]), "stem.norm2");
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let block = 0;
  depths.forEach((depth, stage) => {
    if (stage > 0) {
      const name = `stages.${stage}.downsample`;
      tensor = isTimms
        ? half(norm(tensor, `${name}.norm`), `${name}.conv`, channels[stage])
        : norm(half(tensor, `${name}.conv`, channels[stage]), `${name}.norm`);
    }
    for (let index = 0; index < depth; index++) {
      const place = { name: `stages.${stage}.blocks.${index}`, dropPath: block++ / last };
      tensor = gatedConvolution(operations, tensor, place, description);
    }
  });
  const hiddenChannels = headExpansion * tensor.channels;
  const heads = averagePooledHeads(tensor, (head, input) => {
    let hidden = layerNorm(head, input, "head.norm", { epsilon });
    hidden = linear(head, hidden, "head.pre_logits.fc", { outputChannels: hiddenChannels });
    hidden = activation(head, hidden, "gelu");
    if (!isTimms) hidden = layerNorm(head, hidden, "head.pre_logits.norm", { epsilon });
    return linear(head, hidden, "head.fc", { outputChannels: classes, output: "logits" });
  });
  return finishWithHeads({
    name: description.name,
    operations,
    features: tensor,
    ...heads,
    classifier: classifierLayer("head.fc", hiddenChannels, classes),
    initialisation: "convnext",
  });
}

function gatedConvolution(
  operations: Operation[],
  input: Tensor,
  { name, dropPath }: { name: string; dropPath: number },
  description: MambaOutDescription,
): Tensor {
  const { channels } = input;
  const hidden = Math.floor(description.expansion * channels);
  const convolved = Math.floor(description.convolved * channels);
  const normed = layerNorm(operations, input, `${name}.norm`, { epsilon });
  const both = linear(operations, normed, `${name}.fc1`, { outputChannels: 2 * hidden });
  const part = (first: number, count: number, part: string) =>
    takeChannels(operations, both, first, count, `${name}.${part}`);
  const window = { outputChannels: convolved, kernel: 7, groups: convolved, bias: true };
  const values = concatenate(operations, [
    part(hidden, hidden - convolved, "kept"),
    convolution(operations, part(2 * hidden - convolved, convolved, "convolved"), `${name}.conv`, window),
  ], `${name}.values`);
  const gate = activation(operations, part(0, hidden, "gate"), description.activation);
  const gated = multiply(operations, values, gate, `${name}.gated`);
  let branch = linear(operations, gated, `${name}.fc2`, { outputChannels: channels });
  if (description.branchScale !== undefined) {
    branch = layerScale(operations, branch, `${name}.ls.gamma`, description.branchScale);
  }
  return add(operations, branch, input, name, dropPath);
}

type Member = Omit<MambaOutDescription, "name" | "classes">;

const plain = { expansion: 8 / 3, convolved: 1, activation: "gelu" } as const;
const base = { channels: [128, 256, 512, 768], branchScale: 1e-5 } as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  mambaout_femto: { ...plain, depths: [3, 3, 9, 3], channels: [48, 96, 192, 288] },
  mambaout_kobe: { ...plain, depths: [3, 3, 15, 3], channels: [48, 96, 192, 288] },
  mambaout_tiny: { ...plain, depths: [3, 3, 9, 3], channels: [96, 192, 384, 576] },
  mambaout_small: { ...plain, depths: [3, 4, 27, 3], channels: [96, 192, 384, 576] },
  mambaout_base: { ...plain, depths: [3, 4, 27, 3], channels: [128, 256, 512, 768] },
  mambaout_small_rw: { ...plain, depths: [3, 4, 27, 3], channels: [96, 192, 384, 576], branchScale: 1e-5 },
  mambaout_base_short_rw: { ...base, depths: [3, 3, 25, 3], expansion: 3, convolved: 1.25, activation: "gelu" },
  mambaout_base_tall_rw: { ...base, depths: [3, 4, 30, 3], expansion: 2.5, convolved: 1.25, activation: "gelu" },
  mambaout_base_wide_rw: { ...base, depths: [3, 4, 27, 3], expansion: 3, convolved: 1.5, activation: "silu" },
  mambaout_base_plus_rw: { ...base, depths: [3, 4, 30, 3], expansion: 3, convolved: 1.5, activation: "silu" },
  test_mambaout: {
    depths: [1, 1, 3, 1],
    channels: [16, 32, 48, 64],
    expansion: 3,
    convolved: 1,
    activation: "silu",
    branchScale: 1e-5,
  },
};

/** The members that timm has. */
export const mambaouts: Family = familyOf(MEMBERS, buildMambaOut);
