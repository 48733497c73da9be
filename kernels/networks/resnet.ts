// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * ResNet, ResNeXt and their variants, for photographs and for small images.
 *
 * A stem and a pool, then four stages of residual blocks: two 3x3 convolutions (`basic`), or 1x1, 3x3, 1x1 with four
 * times the width outside (`bottleneck`). ResNeXt groups the 3x3 convolution and widens it: its width is
 * `floor(channels * baseWidth / 64) * cardinality`. The stride is on the 3x3 convolution, as in torchvision.
 *
 * | in the name | what differs |
 * | --- | --- |
 * | `c`, `s` | three 3x3 convolutions as the stem, of 32, 32 and 64 channels, or twice that |
 * | `d` | as `c`, and a strided shortcut averages windows of 2 x 2 before its convolution |
 * | `t` | as `d`, the stem of 24, 32 and 64 channels |
 * | `se`, `eca` | squeeze-and-excitation, or a gate from a convolution over the channels' means, before the sum |
 * | `aa`, `blur` | strided convolutions and the stem's pool are followed by a mean or a blur that has their stride |
 * | `rs` | as `d`, with squeeze-and-excitation, and a strided convolution in place of the stem's pool |
 * | `gn` | group norm in place of batch norm |
 *
 * For images of 32 x 32 pixels or so, stem and pool are one 3x3 convolution, and three stages of basic blocks follow, of
 * 16, 32 and 64 channels; with n blocks a stage it has 6n + 2 layers. Where the shape changes, the shortcut is a 1x1
 * convolution as in the other networks.
 *
 * Sources: He et al., "Deep Residual Learning", 2016, table 1, section 4.2 for small images; Xie et al., "Aggregated Residual Transformations", 2017,
 * table 1; Mahajan et al., "Exploring the Limits of Weakly Supervised Pretraining", 2018, for 32x8d to 32x48d; He et al., "Bag of Tricks", 2019, for
 * C and D; Hu et al., "Squeeze-and-Excitation Networks", 2018; Wang et al., "ECA-Net", 2020; Zhang, "Making Convolutional Networks Shift-Invariant
 * Again", 2019; Bello et al., "Revisiting ResNets", 2021, for RS; timm 1.0.31, `ResNet`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  antiAliased,
  type AntiAliasing,
  batchNorm,
  channelAttention,
  convolution,
  type ConvolutionOptions,
  finish,
  image,
  pool,
  shortcutPool,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";

/** A kind of residual block. */
export type ResidualBlock = "basic" | "bottleneck";

/** What a member of the family is. */
export interface ResNetDescription {
  readonly name: string;
  /** The stem for small images, as wide as the first stage; if left out, it is the one of {@linkcode deepStem}. */
  readonly smallStem?: { readonly stride: number };
  /** Channels of the stem's three 3x3 convolutions; if left out, it is one 7x7 convolution of 64 channels. */
  readonly deepStem?: readonly [number, number, number];
  /** Whether the stem's pool is a strided convolution. */
  readonly replaceStemPool?: boolean;
  /** The block of all stages, or of each. */
  readonly block: ResidualBlock | readonly ResidualBlock[];
  /** Number of blocks of each stage. */
  readonly repeats: readonly number[];
  /** Width of each stage, before the bottleneck's factor of four. */
  readonly channels: readonly number[];
  /** Groups of the bottleneck's 3x3 convolution. */
  readonly cardinality: number;
  /** Channels of that convolution per 64 of the stage's width, in one group. */
  readonly baseWidth: number;
  /** What the channels of the bottleneck's first convolution are divided by; default 1. */
  readonly reduceFirst?: number;
  /** Whether a strided shortcut averages before its convolution. */
  readonly averageDown?: boolean;
  /** Side of a strided shortcut's convolution; default 1. */
  readonly downKernel?: number;
  /** Channels of the squeeze over those of the block; if left out, there is no squeeze-and-excitation. */
  readonly squeezeExcitation?: number;
  /** Whether a convolution over the channels' means gates them (ECA). */
  readonly channelAttention?: boolean;
  /** What has the stride of the stem's pool and of the blocks' convolutions; if left out, they have it themselves. */
  readonly antiAliasing?: AntiAliasing;
  readonly classes: number;
}

/** How many times wider than the stage a block's output is. */
const expansion = { basic: 1, bottleneck: 4 } as const;
const epsilon = 1e-5;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildResNet(description: ResNetDescription): Network {
  const operations: Operation[] = [];
  let tensor = stem(operations, description);
  const initialisation = description.smallStem ? "smallResnet" : "resnet";
  const last = description.repeats.reduce((sum, repeats) => sum + repeats, 0) - 1;
  let block = 0;
  description.repeats.forEach((repeats, stage) => {
    for (let index = 0; index < repeats; index++) {
      const stride = index === 0 && stage > 0 ? 2 : 1;
      const name = `layer${stage + 1}.${index}`;
      tensor = residualBlock(operations, tensor, { name, stage, stride, dropPath: block++ / last }, description);
    }
  });
  return finish(description.name, operations, tensor, { name: "fc", classes: description.classes }, initialisation);
}

function stem(operations: Operation[], description: ResNetDescription): Tensor {
  const { smallStem, deepStem, channels, antiAliasing } = description;
  const layer = (tensor: Tensor, name: string, norm: string, options: ConvolutionOptions) =>
    activation(
      operations,
      batchNorm(operations, convolution(operations, tensor, name, options), norm, epsilon),
      "relu",
    );
  if (smallStem) {
    return layer(image, "conv1", "bn1", { outputChannels: channels[0], kernel: 3, stride: smallStem.stride });
  }
  let tensor;
  if (deepStem) {
    const [first, second, third] = deepStem;
    tensor = layer(image, "conv1.0", "conv1.1", { outputChannels: first, kernel: 3, stride: 2 });
    tensor = layer(tensor, "conv1.3", "conv1.4", { outputChannels: second, kernel: 3 });
    tensor = layer(tensor, "conv1.6", "bn1", { outputChannels: third, kernel: 3 });
  } else {
    tensor = layer(image, "conv1", "bn1", { outputChannels: 64, kernel: 7, stride: 2 });
  }
  if (description.replaceStemPool) {
    return layer(tensor, "maxpool.0", "maxpool.1", { outputChannels: tensor.channels, kernel: 3, stride: 2 });
  }
  if (antiAliasing === "average") return antiAliased(operations, tensor, "maxpool", 2, antiAliasing);
  if (antiAliasing) {
    tensor = pool(operations, tensor, "maxpool.0", { mode: "max", kernel: 3, stride: 1, padding: 1 });
    return antiAliased(operations, tensor, "maxpool.1", 2, antiAliasing);
  }
  return pool(operations, tensor, "maxpool", { mode: "max", kernel: 3, stride: 2, padding: 1 });
}

function residualBlock(
  operations: Operation[],
  input: Tensor,
  { name, stage, stride, dropPath }: { name: string; stage: number; stride: number; dropPath: number },
  description: ResNetDescription,
): Tensor {
  const { cardinality, antiAliasing, reduceFirst = 1, averageDown = false, downKernel = 1 } = description;
  const block = typeof description.block === "string" ? description.block : description.block[stage];
  const channels = description.channels[stage];
  const outputChannels = channels * expansion[block];
  let layers = 0;
  const layer = (tensor: Tensor, options: ConvolutionOptions) => {
    layers++;
    const convolved = convolution(operations, tensor, `${name}.conv${layers}`, options);
    return batchNorm(operations, convolved, `${name}.bn${layers}`, epsilon);
  };
  const relu = (tensor: Tensor) => activation(operations, tensor, "relu");
  const strided = (tensor: Tensor, options: ConvolutionOptions) => {
    if (stride === 1 || !antiAliasing) return relu(layer(tensor, { ...options, stride }));
    const output = relu(layer(tensor, options));
    return antiAliased(operations, output, `${name}.aa`, stride, antiAliasing);
  };
  let tensor;
  if (block === "basic") {
    tensor = strided(input, { outputChannels: channels / reduceFirst, kernel: 3 });
    tensor = layer(tensor, { outputChannels, kernel: 3 });
  } else {
    const width = Math.floor(channels * (description.baseWidth / 64)) * cardinality;
    tensor = relu(layer(input, { outputChannels: Math.floor(width / reduceFirst), kernel: 1 }));
    tensor = strided(tensor, { outputChannels: width, kernel: 3, groups: cardinality });
    tensor = layer(tensor, { outputChannels, kernel: 1 });
  }
  if (description.squeezeExcitation !== undefined) {
    tensor = squeezeExcitation(operations, tensor, `${name}.se`, {
      reduce: "fc1",
      expand: "fc2",
      reducedChannels: makeDivisible(outputChannels * description.squeezeExcitation, 8, 0),
      activation: "relu",
    });
  }
  if (description.channelAttention) tensor = channelAttention(operations, tensor, `${name}.se`);
  let shortcut = input;
  if (stride !== 1 || input.channels !== outputChannels) {
    const module = `${name}.downsample`;
    const first = averageDown ? 1 : 0;
    const options = averageDown
      ? { outputChannels, kernel: 1 }
      : { outputChannels, kernel: stride === 1 ? 1 : downKernel, stride };
    if (averageDown) shortcut = shortcutPool(operations, input, `${module}.0`, stride);
    shortcut = convolution(operations, shortcut, `${module}.${first}`, options);
    shortcut = batchNorm(operations, shortcut, `${module}.${first + 1}`, epsilon);
  }
  return relu(add(operations, tensor, shortcut, name, dropPath));
}

/** What a member's name says, before its stages' channels. */
type Member = Omit<ResNetDescription, "name" | "channels" | "classes">;

const PLAIN = { cardinality: 1, baseWidth: 64 };

/** Blocks of each stage by the number of layers. */
const DEPTHS = {
  10: [1, 1, 1, 1],
  14: [1, 1, 1, 1],
  18: [2, 2, 2, 2],
  26: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
  200: [3, 24, 36, 3],
  201: [3, 24, 36, 4],
  269: [3, 30, 48, 8],
} as const;

const BASIC: readonly number[] = [10, 18, 34];

/** A member of so many layers and its variation. */
function member(layers: keyof typeof DEPTHS, variation: Partial<Member> = {}): Member {
  return { block: BASIC.includes(layers) ? "basic" : "bottleneck", repeats: DEPTHS[layers], ...PLAIN, ...variation };
}

const deep = { deepStem: [32, 32, 64] } as const;
const wideStem = { deepStem: [64, 64, 128] } as const;
const d = { ...deep, averageDown: true } as const;
const t = { deepStem: [24, 32, 64], averageDown: true } as const;
const se = { squeezeExcitation: 1 / 16 } as const;
const eca = { channelAttention: true } as const;
const aa = { antiAliasing: "average" } as const;
const rs = { ...d, replaceStemPool: true, squeezeExcitation: 1 / 4 } as const;
const groups = (cardinality: number, baseWidth: number) => ({ cardinality, baseWidth });

const MEMBERS: Readonly<Record<string, Member>> = {
  resnet10t: member(10, t),
  resnet14t: member(14, t),
  resnet18: member(18),
  resnet18d: member(18, d),
  resnet26: member(26),
  resnet26d: member(26, d),
  resnet26t: member(26, t),
  resnet34: member(34),
  resnet34d: member(34, d),
  resnet50: member(50),
  resnet50c: member(50, deep),
  resnet50d: member(50, d),
  resnet50s: member(50, wideStem),
  resnet101: member(101),
  resnet101c: member(101, deep),
  resnet101d: member(101, d),
  resnet101s: member(101, wideStem),
  resnet152: member(152),
  resnet152c: member(152, deep),
  resnet152d: member(152, d),
  resnet152s: member(152, wideStem),
  resnet200d: member(200, d),
  wide_resnet50_2: member(50, { baseWidth: 128 }),
  wide_resnet101_2: member(101, { baseWidth: 128 }),
  resnext50_32x4d: member(50, groups(32, 4)),
  resnext50d_32x4d: member(50, { ...groups(32, 4), ...d }),
  resnext101_32x4d: member(101, groups(32, 4)),
  resnext101_64x4d: member(101, groups(64, 4)),
  resnext101_32x8d: member(101, groups(32, 8)),
  resnext101_32x16d: member(101, groups(32, 16)),
  resnext101_32x32d: member(101, groups(32, 32)),
  resnext101_32x48d: member(101, groups(32, 48)),
  resnetblur50: member(50, { antiAliasing: "blur" }),
  resnetaa50: member(50, aa),
  resnetaa50d: member(50, { ...d, ...aa }),
  resnetaa101d: member(101, { ...d, ...aa }),
  seresnet50: member(50, se),
  seresnet152d: member(152, { ...d, ...se }),
  seresnext26d_32x4d: member(26, { ...groups(32, 4), ...d, ...se }),
  seresnext26t_32x4d: member(26, { ...groups(32, 4), ...t, ...se }),
  seresnext50_32x4d: member(50, { ...groups(32, 4), ...se }),
  seresnext101_32x4d: member(101, { ...groups(32, 4), ...se }),
  seresnext101_64x4d: member(101, { ...groups(64, 4), ...se }),
  seresnext101_32x8d: member(101, { ...groups(32, 8), ...se }),
  seresnext101d_32x8d: member(101, { ...groups(32, 8), ...d, ...se }),
  seresnextaa101d_32x8d: member(101, { ...groups(32, 8), ...d, ...aa, ...se }),
  seresnextaa201d_32x8d: member(201, { ...groups(32, 8), ...wideStem, averageDown: true, ...aa, ...se }),
  ecaresnet26t: member(26, { ...t, ...eca }),
  ecaresnet50d: member(50, { ...d, ...eca }),
  ecaresnet50t: member(50, { ...t, ...eca }),
  ecaresnet101d: member(101, { ...d, ...eca }),
  ecaresnet269d: member(269, { ...d, ...eca }),
  ecaresnetlight: { ...member(50, { averageDown: true, ...eca }), repeats: [1, 1, 11, 3] },
  senet154: member(152, { ...groups(64, 4), ...wideStem, ...se, downKernel: 3, reduceFirst: 2 }),
  resnetrs50: member(50, rs),
  resnetrs101: member(101, rs),
  resnetrs152: member(152, rs),
  resnetrs200: member(200, rs),
  resnetrs270: { ...member(269, rs), repeats: [4, 29, 53, 4] },
  resnetrs350: { ...member(269, rs), repeats: [4, 36, 72, 4] },
  resnetrs420: { ...member(269, rs), repeats: [4, 44, 87, 4] },
};

/** Layers and width of each ResNet for small images, the width over that of the paper. */
const SMALL_MEMBERS: readonly [layers: number, width: number][] = [
  ...[8, 14, 20, 32, 44, 56].map((layers) => [layers, 1] as [number, number]),
  ...[2, 3, 4].map((width) => [8, width] as [number, number]),
];

/** ResNets, ResNeXts and their variants for photographs, and timm's small one for tests. */
export const resnets: Family = {
  ...familyOf(MEMBERS, (member) => buildResNet({ ...member, channels: [64, 128, 256, 512] })),
  ...familyOf({
    test_resnet: {
      block: ["basic", "basic", "bottleneck", "basic"] as const,
      repeats: [1, 1, 1, 1],
      channels: [32, 48, 48, 96],
      deepStem: [16, 16, 32] as const,
      averageDown: true,
      ...PLAIN,
    },
  }, buildResNet),
};

/** ResNets for small images, with a stem of stride 1 and of stride 2. */
export const smallResNets: Family = familyOf(
  Object.fromEntries(SMALL_MEMBERS.flatMap(([layers, width]) =>
    [1, 2].map((stride) => [
      `resnet${layers}${width > 1 ? `x${width}` : ""}${stride > 1 ? `_s${stride}` : ""}`,
      {
        block: "basic" as const,
        repeats: new Array<number>(3).fill((layers - 2) / 6),
        channels: [16, 32, 64].map((channels) => channels * width),
        smallStem: { stride },
        ...PLAIN,
      },
    ])
  )),
  buildResNet,
);
