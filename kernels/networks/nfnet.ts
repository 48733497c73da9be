/**
 * Networks without norms: NFNet, NF-ResNet and NF-RegNet.
 *
 * Weights are standardised in place of what flows: each layer then keeps mean and variance, if what its activation does to
 * them is divided out. A block adds to its shortcut, whose variance so grows; the next block divides by its deviation. The
 * factors of both are in those of the convolutions that follow, since these are linear; what follows a gate is a number.
 *
 * | | NFNet, NF-ResNet | NF-RegNet |
 * | --- | --- | --- |
 * | channels inside a block | of its output | of its input |
 * | gate | after the last convolution | before it |
 *
 * DeepMind's (`dm_`) pad as TensorFlow, and multiply each branch by a learned number that begins at 0. Cells are labelled by
 * the classifier of their features, after the last activation.
 *
 * Sources: Brock et al., "Characterizing Signal Propagation to Close the Performance Gap in Unnormalized ResNets", 2021
 * (arXiv:2101.08692); Brock et al., "High-Performance Large-Scale Image Recognition Without Normalization", 2021
 * (arXiv:2102.06171), figure 2 and table 1; timm 1.0.31, `nfnet.py`, whose names these are.
 *
 * @module
 */

import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  channelAttention,
  convolution,
  finish,
  image,
  pool,
  shortcutPool,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";
import { multiple } from "./token_layers.ts";

/** What a member of the family is. */
export interface NfNetDescription {
  readonly name: string;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Channels of each stage. */
  readonly channels: readonly number[];
  /** Four 3x3 convolutions, one of 7x7 and a max pool, or one of 3x3. */
  readonly stem: "quad" | "pooled" | "single";
  readonly stemChannels: number;
  /** Channels of a group of a block's 3x3 convolutions; all are one if left out. */
  readonly groupWidth?: number;
  /** Channels inside a block over those of its output, or of its input in NF-RegNet. */
  readonly bottleneck: number;
  /** Whether a block is as in RegNet. */
  readonly regnet?: boolean;
  /** Whether a block has a second 3x3 convolution. */
  readonly extraConvolution?: boolean;
  /** The gate's channels over those that it gates, or a convolution over the channels' means (ECA). */
  readonly gate?: { readonly squeeze: number } | "channelAttention";
  /** Channels of the last convolution; there is none if left out. */
  readonly headChannels?: number;
  readonly activation: keyof typeof GAMMAS;
  /** Whether it is DeepMind's own. */
  readonly deepMind?: boolean;
  readonly classes: number;
}

/** What keeps the variance of a normal number through an activation (Brock et al., 2021, appendix D). */
const GAMMAS = { gelu: 1.7015043497085571, relu: 1.7139588594436646, silu: 1.7881293296813965 } as const;
/** A branch's share of the variance that a block adds. */
const ALPHA = 0.2;
/** What makes up for a gate, whose mean is a half. */
const GATE_GAIN = 2;
const EPSILON = 1e-5;

/** How a convolution's weights are multiplied, besides for the activation before it. */
interface LayerOptions {
  readonly outputChannels: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Whether an activation stands before it. */
  readonly follows: boolean;
  readonly factor?: number;
  readonly initialGain?: number;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildNfNet(description: NfNetDescription): Network {
  const { depths, channels, headChannels } = description;
  const operations: Operation[] = [];
  let tensor = stem(operations, description);
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let [block, variance] = [0, 1];
  depths.forEach((depth, stage) => {
    for (let index = 0; index < depth; index++) {
      tensor = residualBlock(operations, tensor, {
        name: `stages.${stage}.${index}`,
        outputChannels: channels[stage],
        stride: index === 0 && (stage > 0 || tensor.stride < 4) ? 2 : 1,
        bottleneck: description.regnet && block === 0 ? 1 : description.bottleneck,
        beta: variance ** -0.5,
        dropPath: block++ / last,
      }, description);
      variance = (index === 0 ? 1 : variance) + ALPHA ** 2;
    }
  });
  if (headChannels !== undefined) {
    tensor = layer(
      operations,
      tensor,
      "final_conv",
      { outputChannels: headChannels, kernel: 1, follows: false },
      description,
    );
  }
  tensor = activation(operations, tensor, description.activation);
  if (description.deepMind) tensor = multiple(operations, tensor, GAMMAS[description.activation]);
  return finish(description.name, operations, tensor, { name: "head.fc", classes: description.classes }, "nfnet");
}

/**
 * A convolution with standardised weights. timm has the activation's factor in all convolutions, or DeepMind's in the
 * activations themselves.
 */
function layer(
  operations: Operation[],
  input: Tensor,
  name: string,
  { follows, factor = 1, initialGain, ...options }: LayerOptions,
  { activation: activationName, deepMind = false }: NfNetDescription,
): Tensor {
  const { kernel, groups = 1 } = options;
  const inputs = input.channels / groups * kernel * kernel;
  const gamma = deepMind && !follows ? 1 : GAMMAS[activationName];
  const padding = deepMind ? "same" : "symmetric";
  return convolution(operations, input, name, {
    ...options,
    padding,
    bias: true,
    standardised: {
      epsilon: EPSILON,
      factor: factor * gamma / Math.sqrt(inputs),
      gain: `${name}.gain`,
      ...(initialGain === undefined ? {} : { initialGain }),
    },
  });
}

function stem(operations: Operation[], description: NfNetDescription): Tensor {
  const { stemChannels: outputChannels } = description;
  if (description.stem !== "quad") {
    const kernel = description.stem === "pooled" ? 7 : 3;
    const options = { outputChannels, kernel, stride: 2, follows: false };
    const tensor = layer(operations, image, "stem.conv", options, description);
    if (description.stem === "single") return tensor;
    return pool(operations, tensor, "stem.pool", { mode: "max", kernel: 3, stride: 2, padding: 1 });
  }
  return [8, 4, 2, 1].reduce((tensor, share, index) => {
    const follows = index > 0;
    return layer(
      operations,
      follows ? activation(operations, tensor, description.activation) : tensor,
      `stem.conv${index + 1}`,
      { outputChannels: outputChannels / share, kernel: 3, stride: index % 3 === 0 ? 2 : 1, follows },
      description,
    );
  }, image);
}

interface Block {
  readonly name: string;
  readonly outputChannels: number;
  readonly stride: number;
  readonly bottleneck: number;
  /** What the block's input is multiplied by, so that its variance is one. */
  readonly beta: number;
  readonly dropPath: number;
}

function residualBlock(
  operations: Operation[],
  input: Tensor,
  { name, outputChannels, stride, bottleneck, beta, dropPath }: Block,
  description: NfNetDescription,
): Tensor {
  const { regnet = false, groupWidth, extraConvolution, deepMind = false } = description;
  let inner = makeDivisible((regnet ? input.channels : outputChannels) * bottleneck, 8);
  const groups = groupWidth === undefined ? 1 : Math.floor(inner / groupWidth);
  if (groupWidth !== undefined && groupWidth % 8 === 0) inner = groupWidth * groups;
  const act = (tensor: Tensor) => activation(operations, tensor, description.activation);
  const apply = (tensor: Tensor, part: string, options: Omit<LayerOptions, "follows">) =>
    layer(operations, tensor, `${name}.${part}`, { ...options, follows: true }, description);
  const begun = act(input);
  let shortcut = input;
  if (input.channels !== outputChannels || stride !== 1) {
    const pooled = shortcutPool(operations, begun, `${name}.downsample.pool`, stride);
    shortcut = apply(pooled, "downsample.conv", { outputChannels, kernel: 1, factor: beta });
  }
  let tensor = apply(begun, "conv1", { outputChannels: inner, kernel: 1, factor: beta });
  tensor = apply(act(tensor), "conv2", { outputChannels: inner, kernel: 3, stride, groups });
  if (extraConvolution) tensor = apply(act(tensor), "conv2b", { outputChannels: inner, kernel: 3, groups });
  if (regnet) tensor = gate(operations, tensor, `${name}.attn`, GATE_GAIN, description);
  tensor = apply(act(tensor), "conv3", { outputChannels, kernel: 1, initialGain: deepMind ? 1 : 0 });
  tensor = regnet
    ? multiple(operations, tensor, ALPHA)
    : gate(operations, tensor, `${name}.attn_last`, GATE_GAIN * ALPHA, description);
  if (deepMind) {
    const scaled: Tensor = { ...tensor, name: `${name}.skipinit_gain scaled` };
    operations.push({
      type: "scale",
      input: tensor.name,
      output: scaled.name,
      channels: tensor.channels,
      weight: `${name}.skipinit_gain`,
      shape: [],
      initial: 0,
    });
    tensor = scaled;
  }
  return add(operations, tensor, shortcut, name, dropPath);
}

/** Gates the channels, and multiplies them; without a gate, only the branch's share of the factor is left. */
function gate(
  operations: Operation[],
  input: Tensor,
  name: string,
  factor: number,
  { gate }: NfNetDescription,
): Tensor {
  if (gate === undefined) return multiple(operations, input, factor / GATE_GAIN);
  const gated = gate === "channelAttention"
    ? channelAttention(operations, input, name)
    : squeezeExcitation(operations, input, name, {
      reduce: "fc1",
      expand: "fc2",
      reducedChannels: makeDivisible(input.channels * gate.squeeze, 8, 0),
      activation: "relu",
    });
  return multiple(operations, gated, factor);
}

type Member = Omit<NfNetDescription, "name" | "classes">;

const F: Omit<Member, "depths"> = {
  channels: [256, 512, 1536, 1536],
  stem: "quad",
  stemChannels: 128,
  groupWidth: 128,
  bottleneck: 0.5,
  extraConvolution: true,
  gate: { squeeze: 0.5 },
  headChannels: 3072,
  activation: "gelu",
  deepMind: true,
};
const light: Omit<Member, "depths"> = {
  ...F,
  groupWidth: 64,
  bottleneck: 0.25,
  gate: "channelAttention",
  activation: "silu",
  deepMind: false,
};

/** The members that timm has weights of. */
export const nfnets: Family = familyOf<Member>({
  ...Object.fromEntries(
    Array.from({ length: 7 }, (_, f) => [
      `dm_nfnet_f${f}`,
      { ...F, depths: [1, 2, 6, 3].map((depth) => depth * (f + 1)) },
    ]),
  ),
  nfnet_l0: { ...light, depths: [1, 2, 6, 3], headChannels: 2304, gate: { squeeze: 0.25 } },
  eca_nfnet_l0: { ...light, depths: [1, 2, 6, 3], headChannels: 2304 },
  eca_nfnet_l1: { ...light, depths: [2, 4, 12, 6] },
  eca_nfnet_l2: { ...light, depths: [3, 6, 18, 9] },
  nf_resnet50: {
    depths: [3, 4, 6, 3],
    channels: [256, 512, 1024, 2048],
    stem: "pooled",
    stemChannels: 64,
    bottleneck: 0.25,
    activation: "relu",
  },
  nf_regnet_b1: {
    depths: [2, 4, 7, 7],
    channels: [40, 80, 160, 328],
    stem: "single",
    stemChannels: 40,
    groupWidth: 8,
    bottleneck: 2.25,
    regnet: true,
    gate: { squeeze: 0.5 },
    headChannels: 960,
    activation: "silu",
  },
  test_nfnet: {
    ...light,
    depths: [1, 1, 1, 1],
    channels: [32, 64, 96, 128],
    groupWidth: 8,
    gate: { squeeze: 0.25 },
    headChannels: 192,
  },
}, buildNfNet);
