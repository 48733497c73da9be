/**
 * MetaFormer: PoolFormer, PoolFormer V2, ConvFormer and CAFormer.
 *
 * A strided convolution to a quarter of the image, then four stages of blocks, each a norm, a mixer of positions and a
 * residual, and a norm, a perceptron and a residual. Mixers are average pooling less the input, separable convolutions, or
 * attention between all positions (CAFormer's last two stages). The first PoolFormer has GELU and scales its branches. The
 * others have star ReLU, no bias, and scale the shortcuts of the last two stages.
 *
 * ConvFormer and CAFormer end in a perceptron with squared ReLU. It stands behind the average pool, as the last norm does:
 * a label map has both in each cell.
 *
 * Sources: Yu et al., "MetaFormer Is Actually What You Need for Vision", 2022 (arXiv:2111.11418); Yu et al., "MetaFormer
 * Baselines for Vision", 2024 (arXiv:2210.13452); timm's `MetaFormer`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
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
  pool,
  type Tensor,
} from "./layers.ts";
import { groupNorm, layerNorm, layerScale, multiple, selfAttention, starRelu } from "./token_layers.ts";

/** How positions are mixed. */
export type TokenMixer = "pooling" | "separableConvolution" | "attention";

/** What a member of the family is. */
export interface MetaFormerDescription {
  readonly name: string;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  readonly channels: readonly number[];
  /** Mixer of each stage. */
  readonly mixers: readonly TokenMixer[];
  /** What the scales of branches begin at in the first PoolFormer; left out in the second version. */
  readonly branchScale?: number;
  readonly classes: number;
}

const epsilon = 1e-6;
/** The first PoolFormer's group norms have PyTorch's. */
const groupNormEpsilon = 1e-5;
const withoutBias = { epsilon, bias: false };
const headChannels = 32;
/** Width of perceptrons over that of what they read; of separable convolutions it is 2. */
const expansion = 4;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildMetaFormer(description: MetaFormerDescription): Network {
  const { depths, channels, mixers, classes } = description;
  const operations: Operation[] = [];
  const isFirst = description.branchScale !== undefined;
  const stem = { outputChannels: channels[0], kernel: 7, stride: 4, padding: 2, bias: true };
  let tensor = convolution(operations, image, "stem.conv", stem);
  if (!isFirst) tensor = layerNorm(operations, tensor, "stem.norm", withoutBias);
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let block = 0;
  depths.forEach((depth, stage) => {
    if (stage > 0) {
      const name = `stages.${stage}.downsample`;
      const normed = isFirst ? tensor : layerNorm(operations, tensor, `${name}.norm`, withoutBias);
      const options = { outputChannels: channels[stage], kernel: 3, stride: 2, bias: true };
      tensor = convolution(operations, normed, `${name}.conv`, options);
    }
    for (let index = 0; index < depth; index++) {
      const place = { name: `stages.${stage}.blocks.${index}`, stage, dropPath: block++ / last };
      tensor = metaFormerBlock(operations, tensor, place, description);
    }
  });
  const hasPerceptron = mixers[0] === "separableConvolution";
  const classifier = hasPerceptron ? "head.fc.fc2" : "head.fc";
  const heads = averagePooledHeads(tensor, (head, input) => {
    let hidden = layerNorm(head, input, "head.norm", { epsilon });
    if (hasPerceptron) {
      hidden = linear(head, hidden, "head.fc.fc1", { outputChannels: expansion * input.channels });
      hidden = layerNorm(head, activation(head, hidden, "reluSquared"), "head.fc.norm", { epsilon });
    }
    return linear(head, hidden, classifier, { outputChannels: classes, output: "logits" });
  });
  return finishWithHeads({
    name: description.name,
    operations,
    features: tensor,
    ...heads,
    classifier: classifierLayer(classifier, hasPerceptron ? expansion * tensor.channels : tensor.channels, classes),
    initialisation: "convnext",
  });
}

interface Place {
  readonly name: string;
  readonly stage: number;
  readonly dropPath: number;
}

function metaFormerBlock(
  operations: Operation[],
  input: Tensor,
  { name, stage, dropPath }: Place,
  { mixers, branchScale }: MetaFormerDescription,
): Tensor {
  const mixer = mixers[stage];
  const isFirst = branchScale !== undefined;
  const norm = (tensor: Tensor, name: string) =>
    mixer === "pooling"
      ? groupNorm(operations, tensor, name, { groups: 1, epsilon: isFirst ? groupNormEpsilon : epsilon, bias: isFirst })
      : layerNorm(operations, tensor, name, withoutBias);
  /** The residual sum, in which the first PoolFormer scales the branch, and the last two stages of others the shortcut. */
  const join = (branch: Tensor, shortcut: Tensor, index: 1 | 2) => {
    const scaled = isFirst ? layerScale(operations, branch, `${name}.layer_scale${index}.scale`, branchScale) : branch;
    const from = !isFirst && stage >= 2
      ? layerScale(operations, shortcut, `${name}.res_scale${index}.scale`, 1)
      : shortcut;
    return add(operations, scaled, from, index === 1 ? `${name}.mixed` : name, dropPath);
  };
  const mixed = join(mixPositions(operations, norm(input, `${name}.norm1`), `${name}.token_mixer`, mixer), input, 1);
  const normed = norm(mixed, `${name}.norm2`);
  const layer = pointwise(operations, mixer === "attention", isFirst);
  let hidden = layer(normed, `${name}.mlp.fc1`, expansion * input.channels);
  hidden = isFirst ? activation(operations, hidden, "gelu") : starRelu(operations, hidden, `${name}.mlp.act`);
  return join(layer(hidden, `${name}.mlp.fc2`, input.channels), mixed, 2);
}

/** A layer in each position, whose weight timm has as a linear layer's or as that of a 1x1 convolution. */
function pointwise(operations: Operation[], isLinear: boolean, bias: boolean) {
  return (input: Tensor, name: string, outputChannels: number) =>
    isLinear
      ? linear(operations, input, name, { outputChannels, bias })
      : convolution(operations, input, name, { outputChannels, kernel: 1, bias });
}

function mixPositions(operations: Operation[], input: Tensor, name: string, mixer: TokenMixer): Tensor {
  if (mixer === "attention") {
    const qkv = linear(operations, input, `${name}.qkv`, { outputChannels: 3 * input.channels, bias: false });
    const mixed = selfAttention(operations, qkv, name, headChannels);
    return linear(operations, mixed, `${name}.proj`, { outputChannels: input.channels, bias: false });
  }
  if (mixer === "separableConvolution") {
    const layer = pointwise(operations, false, false);
    const wide = starRelu(operations, layer(input, `${name}.pwconv1`, 2 * input.channels), `${name}.act1`);
    const options = { outputChannels: wide.channels, kernel: 7, groups: wide.channels };
    return layer(convolution(operations, wide, `${name}.dwconv`, options), `${name}.pwconv2`, input.channels);
  }
  const pooled = pool(operations, input, `${name}.pool`, {
    mode: "average",
    kernel: 3,
    stride: 1,
    padding: 1,
    countPadding: false,
  });
  return add(operations, pooled, multiple(operations, input, -1), name, 0);
}

type Member = Omit<MetaFormerDescription, "name" | "classes">;

const POOL_DEPTHS: Readonly<Record<string, readonly number[]>> = {
  s12: [2, 2, 6, 2],
  s24: [4, 4, 12, 4],
  s36: [6, 6, 18, 6],
  m36: [6, 6, 18, 6],
  m48: [8, 8, 24, 8],
};

/** The members of PoolFormer, of its first version where there is a scale of branches. */
function poolFormers(prefix: string, branchScale: (size: string) => number | undefined): [string, Member][] {
  return Object.entries(POOL_DEPTHS).map(([size, depths]) => [`${prefix}_${size}`, {
    depths,
    channels: size.startsWith("s") ? [64, 128, 320, 512] : [96, 192, 384, 768],
    mixers: ["pooling", "pooling", "pooling", "pooling"],
    branchScale: branchScale(size),
  }]);
}

const OTHER_SIZES: Readonly<Record<string, Pick<Member, "depths" | "channels">>> = {
  s18: { depths: [3, 3, 9, 3], channels: [64, 128, 320, 512] },
  s36: { depths: [3, 12, 18, 3], channels: [64, 128, 320, 512] },
  m36: { depths: [3, 12, 18, 3], channels: [96, 192, 384, 576] },
  b36: { depths: [3, 12, 18, 3], channels: [128, 256, 512, 768] },
};

function otherFormers(prefix: string, deepMixer: TokenMixer): [string, Member][] {
  const mixers = ["separableConvolution", "separableConvolution", deepMixer, deepMixer] as const;
  return Object.entries(OTHER_SIZES).map(([size, shape]) => [`${prefix}_${size}`, { ...shape, mixers }]);
}

/** The members that timm has. */
export const metaformers: Family = familyOf(
  Object.fromEntries([
    ...poolFormers("poolformer", (size) => size === "s12" || size === "s24" ? 1e-5 : 1e-6),
    ...poolFormers("poolformerv2", () => undefined),
    ...otherFormers("convformer", "separableConvolution"),
    ...otherFormers("caformer", "attention"),
  ]),
  buildMetaFormer,
);
