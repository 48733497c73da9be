/**
 * Networks of residual blocks of several kinds: GENet, ResNets with stems of three or four convolutions and SiLU, and RegNetZ.
 *
 * | block | convolutions | squeeze-and-excitation |
 * | --- | --- | --- |
 * | basic | 3x3, 3x3 | at the end |
 * | bottle | 1x1, 3x3, perhaps another, 1x1 | before the last convolution |
 * | dark | 1x1, 3x3 | at the end |
 * | edge | 3x3, 1x1 | between |
 *
 * Where the shape changes, the shortcut is a 1x1 convolution, or a mean over windows of 2 x 2 and then one, or missing.
 *
 * Sources: Lin et al., "Neural Architecture Design for GPU-Efficient Networks", 2020 (arXiv:2006.14090); Dollar et al., "Fast and
 * Accurate Model Scaling", 2021, for RegNetZ; timm 1.0.31, `byobnet.py`, whose names these are.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  channelAttention,
  convNormAct,
  convolution,
  finish,
  image,
  pool,
  shortcutPool,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";

/** Blocks of a stage. */
export interface ByobStage {
  readonly block: keyof typeof BLOCKS;
  readonly depth: number;
  readonly channels: number;
  /** Stride of the first; default 2. */
  readonly stride?: number;
  /** Channels of a group, 1 for a depthwise convolution; all are one group if left out. */
  readonly groupWidth?: number;
  /** Channels between the convolutions over those of the output, or of the input where blocks widen it; default 1. */
  readonly bottleneck?: number;
}

/** What a member of the family is. */
export interface ByobDescription {
  readonly name: string;
  readonly stages: readonly ByobStage[];
  /** Channels of the stem's 3x3 convolutions; the first has stride 2, and the last of three or more if nothing is pooled. */
  readonly stem: readonly number[];
  /** Whether a max pool ends the stem. */
  readonly stemPool?: boolean;
  /** How many of the stem's convolutions, the first, have neither norm nor activation; default 0. */
  readonly stemPlain?: number;
  readonly shortcut: "convolution" | "average" | "none";
  readonly activation: ActivationFunction;
  /** Squeezed channels over those that are gated, or a convolution over the channels' means (ECA). */
  readonly gate?: number | "channelAttention";
  /** Whether a bottle's channels are counted from its input, and nothing follows its sum. */
  readonly inverted?: boolean;
  /** Whether a bottle has a second 3x3 convolution. */
  readonly extraConvolution?: boolean;
  /** Channels of the last convolution; there is none if left out. */
  readonly headChannels?: number;
  readonly classes: number;
}

/** A convolution of a block. */
interface Part {
  readonly name: string;
  readonly kernel: 1 | 3;
  readonly grouped?: true;
  readonly strided?: true;
  readonly extra?: true;
}
const pointwise = (name: string): Part => ({ name, kernel: 1 });

/** The convolutions of each block, and after which of them it is gated, counted from the end. */
const BLOCKS = {
  basic: {
    parts: [{ name: "conv1_kxk", kernel: 3, strided: true }, { name: "conv2_kxk", kernel: 3, grouped: true }],
    gated: "last",
  },
  bottle: {
    parts: [
      pointwise("conv1_1x1"),
      { name: "conv2_kxk", kernel: 3, grouped: true, strided: true },
      { name: "conv2b_kxk", kernel: 3, grouped: true, extra: true },
      pointwise("conv3_1x1"),
    ],
    gated: "before the last",
  },
  dark: {
    parts: [pointwise("conv1_1x1"), { name: "conv2_kxk", kernel: 3, grouped: true, strided: true }],
    gated: "last",
  },
  edge: {
    parts: [{ name: "conv1_kxk", kernel: 3, grouped: true, strided: true }, pointwise("conv2_1x1")],
    gated: "before the last",
  },
} as const satisfies Record<string, { parts: readonly Part[]; gated: "last" | "before the last" }>;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildByobNet(description: ByobDescription): Network {
  const { name, stages, headChannels, classes } = description;
  const operations: Operation[] = [];
  let tensor = stem(operations, description);
  const last = stages.reduce((sum, { depth }) => sum + depth, 0) - 1;
  let block = 0;
  stages.forEach((stage, place) => {
    for (let index = 0; index < stage.depth; index++) {
      const module = `stages.${place}.${index}`;
      const options = { ...stage, stride: index === 0 ? stage.stride ?? 2 : 1, dropPath: block++ / last };
      tensor = residualBlock(operations, tensor, module, options, description);
    }
  });
  if (headChannels !== undefined) {
    const options = { outputChannels: headChannels, kernel: 1, activation: description.activation };
    tensor = convNormAct(operations, tensor, "final_conv", options);
  }
  return finish(name, operations, tensor, { name: "head.fc", classes }, "regnet");
}

function stem(operations: Operation[], description: ByobDescription): Tensor {
  const { stem, stemPool = false, stemPlain = 0 } = description;
  if (stem.length === 1) {
    const options = { outputChannels: stem[0], kernel: 3, stride: 2, activation: description.activation };
    return convNormAct(operations, image, "stem", options);
  }
  const tensor = stem.reduce((input, outputChannels, index) => {
    const isStrided = index === 0 || (index === stem.length - 1 && !stemPool);
    const options = { outputChannels, kernel: 3, stride: isStrided ? 2 : 1 };
    const module = `stem.conv${index + 1}`;
    return index < stemPlain
      ? convolution(operations, input, module, options)
      : convNormAct(operations, input, module, { ...options, activation: description.activation });
  }, image);
  return stemPool ? pool(operations, tensor, "stem.pool", { mode: "max", kernel: 3, stride: 2, padding: 1 }) : tensor;
}

function residualBlock(
  operations: Operation[],
  input: Tensor,
  name: string,
  stage: ByobStage & { readonly stride: number; readonly dropPath: number },
  description: ByobDescription,
): Tensor {
  const { channels: outputChannels, stride, groupWidth, bottleneck = 1, dropPath } = stage;
  const { gate, inverted = false, extraConvolution = false } = description;
  const block = BLOCKS[stage.block];
  const inner = makeDivisible((inverted ? input.channels : outputChannels) * bottleneck, 8);
  const parts: readonly Part[] = block.parts.filter((part: Part) => !part.extra || extraConvolution);
  let tensor = input;
  parts.forEach((part, index) => {
    const isLast = index === parts.length - 1;
    if (isLast && block.gated === "before the last") tensor = gated(operations, tensor, `${name}.attn`, gate);
    tensor = convNormAct(operations, tensor, `${name}.${part.name}`, {
      outputChannels: isLast ? outputChannels : inner,
      kernel: part.kernel,
      stride: part.strided ? stride : 1,
      groups: part.grouped && groupWidth !== undefined ? inner / groupWidth : 1,
      ...(isLast ? {} : { activation: description.activation }),
    });
  });
  if (block.gated === "last") tensor = gated(operations, tensor, `${name}.attn_last`, gate);
  const shortcut = shortcutOf(operations, input, `${name}.shortcut`, { outputChannels, stride }, description.shortcut);
  if (shortcut) tensor = add(operations, tensor, shortcut, `${name}.sum`, dropPath);
  return inverted ? tensor : activation(operations, tensor, description.activation);
}

function shortcutOf(
  operations: Operation[],
  input: Tensor,
  name: string,
  { outputChannels, stride }: { readonly outputChannels: number; readonly stride: number },
  kind: ByobDescription["shortcut"],
): Tensor | undefined {
  if (input.channels === outputChannels && stride === 1) return input;
  if (kind === "none") return undefined;
  if (kind === "convolution") return convNormAct(operations, input, name, { outputChannels, kernel: 1, stride });
  const pooled = shortcutPool(operations, input, `${name}.pool`, stride);
  return convNormAct(operations, pooled, `${name}.conv`, { outputChannels, kernel: 1 });
}

function gated(operations: Operation[], input: Tensor, name: string, gate: ByobDescription["gate"]): Tensor {
  if (gate === undefined) return input;
  if (gate === "channelAttention") return channelAttention(operations, input, name);
  return squeezeExcitation(operations, input, name, {
    reduce: "fc1",
    expand: "fc2",
    reducedChannels: makeDivisible(input.channels * gate, 8, 0),
    activation: "relu",
  });
}

type Member = Omit<ByobDescription, "name" | "classes">;

const depthwise = { block: "bottle", groupWidth: 1, bottleneck: 3 } as const;
const narrow = { block: "bottle", bottleneck: 0.25 } as const;

function stagesOf(depths: readonly number[], channels: readonly number[], more: Omit<ByobStage, "depth" | "channels">) {
  return depths.map((depth, stage) => ({ depth, channels: channels[stage], ...more, stride: stage === 0 ? 1 : 2 }));
}
const tiered = { stem: [24, 32, 64], shortcut: "convolution", activation: "silu" } as const;
const resnext26ts: Member = {
  ...tiered,
  stemPool: true,
  stages: stagesOf([2, 2, 2, 2], [256, 512, 1024, 2048], { ...narrow, groupWidth: 32 }),
};
const resnet32ts: Member = { ...tiered, stages: stagesOf([2, 3, 3, 2], [256, 512, 1536, 1536], narrow) };
const resnet33ts: Member = { ...resnet32ts, headChannels: 1280 };
const quad: Member = {
  stem: [16, 32, 64, 128],
  shortcut: "convolution",
  activation: "silu",
  headChannels: 2048,
  stages: [
    { ...narrow, depth: 2, channels: 256, stride: 1, groupWidth: 32 },
    { ...narrow, depth: 4, channels: 512, groupWidth: 32 },
    { ...narrow, depth: 6, channels: 1536, groupWidth: 32 },
    { block: "bottle", depth: 4, channels: 1536, groupWidth: 1 },
  ],
};
const regnetZ = { shortcut: "none", activation: "silu", gate: 0.25, inverted: true } as const;

function regnetZB(bottleneck: number): Member {
  const stages = stagesOf([2, 6, 12, 2], [48, 96, 192, 288], { block: "bottle", groupWidth: 16, bottleneck });
  return { ...regnetZ, stem: [32], stages: stages.map((stage) => ({ ...stage, stride: 2 })), headChannels: 1536 };
}
function regnetZD(groupWidth: number): Member {
  const stages = stagesOf([3, 6, 12, 3], [64, 128, 256, 384], { block: "bottle", groupWidth, bottleneck: 4 });
  return { ...regnetZ, stem: tiered.stem, stages, headChannels: 1792 };
}

const genet = { shortcut: "convolution", activation: "relu" } as const;

/** The members that timm has weights of, but for those with gates or norms of other kinds. */
export const byobnets: Family = familyOf<Member>({
  gernet_s: {
    ...genet,
    stem: [13],
    headChannels: 1920,
    stages: [
      { block: "basic", depth: 1, channels: 48 },
      { block: "basic", depth: 3, channels: 48 },
      { ...narrow, depth: 7, channels: 384 },
      { ...depthwise, depth: 2, channels: 560 },
      { ...depthwise, depth: 1, channels: 256, stride: 1 },
    ],
  },
  ...Object.fromEntries(
    ([["gernet_m", 4, 1], ["gernet_l", 5, 4]] as const).map(([name, fourth, fifth]): [string, Member] => [
      name,
      {
        ...genet,
        stem: [32],
        headChannels: 2560,
        stages: [
          { block: "basic", depth: 1, channels: 128 },
          { block: "basic", depth: 2, channels: 192 },
          { ...narrow, depth: 6, channels: 640 },
          { ...depthwise, depth: fourth, channels: 640 },
          { ...depthwise, depth: fifth, channels: 640, stride: 1 },
        ],
      },
    ]),
  ),
  resnext26ts,
  seresnext26ts: { ...resnext26ts, gate: 1 / 16 },
  eca_resnext26ts: { ...resnext26ts, gate: "channelAttention" },
  resnet32ts,
  resnet33ts,
  seresnet33ts: { ...resnet33ts, gate: 1 / 16 },
  eca_resnet33ts: { ...resnet33ts, gate: "channelAttention" },
  resnet51q: { ...quad, stemPlain: 2 },
  resnet61q: {
    ...quad,
    extraConvolution: true,
    stages: [{ block: "edge", depth: 1, channels: 256, stride: 1 }, ...quad.stages.slice(1)],
  },
  regnetz_b16: regnetZB(3),
  regnetz_c16: regnetZB(4),
  regnetz_d8: regnetZD(8),
  regnetz_d32: regnetZD(32),
  regnetz_e8: {
    ...regnetZD(8),
    stages: stagesOf([3, 8, 16, 3], [96, 192, 384, 512], { block: "bottle", groupWidth: 8, bottleneck: 4 }),
    headChannels: 2048,
  },
  test_byobnet: {
    stem: [24],
    shortcut: "average",
    activation: "relu",
    gate: 0.25,
    stages: [
      { block: "edge", depth: 1, channels: 32, bottleneck: 0.5 },
      { block: "dark", depth: 1, channels: 64, bottleneck: 0.5 },
      { block: "basic", depth: 1, channels: 128, groupWidth: 32, bottleneck: 0.25 },
      { block: "bottle", depth: 1, channels: 256, groupWidth: 64, bottleneck: 0.25 },
    ],
  },
}, buildByobNet);
