// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * ConvNeXt and ConvNeXt V2.
 *
 * A stem of stride 4, then four stages of blocks: a depthwise convolution, a norm of the channels of each position, and a
 * perceptron four times as wide with GELU, scaled channel by channel and added to the block's input. Between stages there
 * is a norm and a convolution of 2 x 2 and stride 2. V2 normalises the response of the perceptron's inner channels over
 * the image, and scales nothing. The head is an average pool, a norm and a linear layer; in a label map the norm is that of
 * each cell, so that the mean of a map's cells is not what the image gives. `_mlp` has another layer before the last,
 * `_hnf` the norm before the pool, `_ols` a stem of two overlapping convolutions. The smaller members have 1x1
 * convolutions where the larger ones have linear layers, which only names the same numbers otherwise.
 *
 * Sources: Liu et al., "A ConvNet for the 2020s", 2022 (arXiv:2201.03545); Woo et al., "ConvNeXt V2", 2023
 * (arXiv:2301.00808); timm 1.0.31, `convnext.py`.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import { type Family, familyOf } from "./family.ts";
import { makeDivisible } from "./channels.ts";
import {
  activation,
  add,
  averagePooledHeads,
  classifierLayer,
  convolution,
  finish,
  finishWithHeads,
  image,
  linear,
  type Tensor,
} from "./layers.ts";
import { layerNorm, layerScale } from "./token_layers.ts";

/** What a member of the family is. */
export interface ConvNeXtDescription {
  readonly name: string;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Channels of each stage. */
  readonly channels: readonly number[];
  /** Side of the depthwise convolutions of each stage; default 7. */
  readonly kernels?: readonly number[];
  /** One convolution of stride 4, or two of stride 2, the first half as wide where they are tiered; default `"patch"`. */
  readonly stem?: "patch" | "overlap" | "overlapTiered";
  /** Whether the perceptrons are 1x1 convolutions. */
  readonly convolutions?: boolean;
  /** Whether it is V2: with global response normalisation, without layer scale. */
  readonly responseNorm?: boolean;
  /** What norms add to the variance; default 1e-6. */
  readonly epsilon?: number;
  /** The perceptrons' activation; default `"gelu"`. */
  readonly activation?: ActivationFunction;
  /** Where the head's norm is; default `"afterPool"`. */
  readonly headNorm?: "afterPool" | "beforePool";
  /** Channels of a layer before the last; if left out, there is none. */
  readonly headHiddenChannels?: number;
  readonly classes: number;
}

/** What timm's layer scales begin at. */
const initialScale = 1e-6;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildConvNeXt(description: ConvNeXtDescription): Network {
  const { name, depths, channels, epsilon = 1e-6, headHiddenChannels, classes } = description;
  const operations: Operation[] = [];
  let tensor = stem(operations, description);
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let block = 0;
  depths.forEach((depth, stage) => {
    if (stage > 0) {
      const module = `stages.${stage}.downsample`;
      const normed = layerNorm(operations, tensor, `${module}.0`, { epsilon });
      const window = { kernel: 2, stride: 2, padding: "none" } as const;
      tensor = convolution(operations, normed, `${module}.1`, {
        ...window,
        outputChannels: channels[stage],
        bias: true,
      });
    }
    for (let index = 0; index < depth; index++) {
      const place = { name: `stages.${stage}.blocks.${index}`, stage, dropPath: block++ / last };
      tensor = convNeXtBlock(operations, tensor, place, description);
    }
  });
  if (description.headNorm === "beforePool") {
    const features = layerNorm(operations, tensor, "norm_pre", { epsilon });
    return finish(name, operations, features, { name: "head.fc", classes }, "convnext");
  }
  return finishWithHeads({
    name,
    operations,
    features: tensor,
    ...averagePooledHeads(tensor, (layers, input) => {
      let output = layerNorm(layers, input, "head.norm", { epsilon });
      if (headHiddenChannels !== undefined) {
        output = linear(layers, output, "head.pre_logits.fc", { outputChannels: headHiddenChannels });
        output = activation(layers, output, "gelu");
      }
      return linear(layers, output, "head.fc", { outputChannels: classes, output: "logits" });
    }),
    classifier: classifierLayer("head.fc", headHiddenChannels ?? tensor.channels, classes),
    initialisation: "convnext",
  });
}

function stem(
  operations: Operation[],
  { channels: [outputChannels], stem = "patch", epsilon = 1e-6 }: ConvNeXtDescription,
): Tensor {
  if (stem === "patch") {
    const window = { kernel: 4, stride: 4, padding: "none" } as const;
    const patches = convolution(operations, image, "stem.0", { ...window, outputChannels, bias: true });
    return layerNorm(operations, patches, "stem.1", { epsilon });
  }
  const window = { kernel: 3, stride: 2, bias: true } as const;
  const inner = stem === "overlapTiered" ? makeDivisible(Math.floor(outputChannels / 2), 8) : outputChannels;
  const first = convolution(operations, image, "stem.0", { ...window, outputChannels: inner });
  const second = convolution(operations, first, "stem.1", { ...window, outputChannels });
  return layerNorm(operations, second, "stem.2", { epsilon });
}

function convNeXtBlock(
  operations: Operation[],
  input: Tensor,
  { name, stage, dropPath }: { name: string; stage: number; dropPath: number },
  description: ConvNeXtDescription,
): Tensor {
  const { kernels, convolutions, responseNorm, epsilon = 1e-6, activation: activationFunction = "gelu" } = description;
  const { channels } = input;
  const layer = (tensor: Tensor, part: string, outputChannels: number) =>
    convolutions
      ? convolution(operations, tensor, `${name}.mlp.${part}`, { outputChannels, kernel: 1, bias: true })
      : linear(operations, tensor, `${name}.mlp.${part}`, { outputChannels });
  let tensor = convolution(operations, input, `${name}.conv_dw`, {
    outputChannels: channels,
    kernel: kernels?.[stage] ?? 7,
    groups: channels,
    bias: true,
  });
  tensor = layerNorm(operations, tensor, `${name}.norm`, { epsilon });
  tensor = activation(operations, layer(tensor, "fc1", 4 * channels), activationFunction);
  if (responseNorm) {
    const output = `${name}.mlp.grn`;
    operations.push({
      type: "globalResponseNorm",
      input: tensor.name,
      output,
      channels: tensor.channels,
      epsilon: 1e-6,
      weight: `${output}.weight`,
      bias: `${output}.bias`,
    });
    tensor = { ...tensor, name: output };
  }
  tensor = layer(tensor, "fc2", channels);
  if (!responseNorm) tensor = layerScale(operations, tensor, `${name}.gamma`, initialScale);
  return add(operations, tensor, input, `${name}.sum`, dropPath);
}

type Member = Omit<ConvNeXtDescription, "name" | "classes">;

/** A member of so many blocks in each stage, each stage twice as wide as that before. */
function member(depths: readonly number[], channels: number, variation: Partial<Member> = {}): Member {
  return { depths, channels: [1, 2, 4, 8].map((factor) => factor * channels), ...variation };
}

const pico = [2, 2, 6, 2];
const nano = [2, 2, 8, 2];
const tiny = [3, 3, 9, 3];
const small = [3, 3, 27, 3];
const convolutions = { convolutions: true } as const;
const v2 = { responseNorm: true } as const;
const tiered = { ...convolutions, stem: "overlapTiered" } as const;
const forTests = { epsilon: 1e-5, activation: "geluTanh" } as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  convnext_atto: member(pico, 40, convolutions),
  convnext_atto_ols: member(pico, 40, tiered),
  convnext_femto: member(pico, 48, convolutions),
  convnext_femto_ols: member(pico, 48, tiered),
  convnext_pico: member(pico, 64, convolutions),
  convnext_pico_ols: member(pico, 64, tiered),
  convnext_nano: member(nano, 80, convolutions),
  convnext_nano_ols: member(nano, 80, { ...convolutions, stem: "overlap" }),
  convnext_tiny: member(tiny, 96),
  convnext_tiny_hnf: member(tiny, 96, { ...convolutions, headNorm: "beforePool" }),
  convnext_small: member(small, 96),
  convnext_base: member(small, 128),
  convnext_large: member(small, 192),
  convnext_large_mlp: member(small, 192, { headHiddenChannels: 1536 }),
  convnext_xlarge: member(small, 256),
  convnext_xxlarge: member([3, 4, 30, 3], 384, { epsilon: 1e-5 }),
  convnextv2_atto: member(pico, 40, { ...v2, ...convolutions }),
  convnextv2_femto: member(pico, 48, { ...v2, ...convolutions }),
  convnextv2_pico: member(pico, 64, { ...v2, ...convolutions }),
  convnextv2_nano: member(nano, 80, { ...v2, ...convolutions }),
  convnextv2_tiny: member(tiny, 96, v2),
  convnextv2_base: member(small, 128, v2),
  convnextv2_large: member(small, 192, v2),
  convnextv2_huge: member(small, 352, v2),
  test_convnext: { ...forTests, depths: [1, 2, 4, 2], channels: [24, 32, 48, 64] },
  test_convnext2: { ...forTests, depths: [1, 1, 1, 1], channels: [32, 64, 96, 128] },
  test_convnext3: {
    ...forTests,
    depths: [1, 1, 1, 1],
    channels: [32, 64, 96, 128],
    kernels: [7, 5, 5, 3],
    activation: "silu",
  },
};

/** The members that timm has weights of, and its small ones for tests. */
export const convnexts: Family = familyOf(MEMBERS, buildConvNeXt);
