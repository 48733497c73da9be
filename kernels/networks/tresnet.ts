/**
 * TResNet.
 *
 * Blocks of 4 x 4 pixels become channels (space to depth), then four stages of residual blocks follow: basic ones in the
 * first two, in V2 bottlenecks, and bottlenecks in the others. Squeeze-and-excitation is in all stages but the last, inside
 * a bottleneck before its last convolution. Activations inside blocks are leaky ReLUs of slope 1e-3, strided convolutions
 * are followed by a blur that has their stride, and strided shortcuts average.
 *
 * Source: Ridnik et al., "TResNet", 2021 (arXiv:2003.13630), table 2; timm 1.0.31, `tresnet.py`, whose names these are.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  antiAliased,
  convNormAct,
  type ConvolutionOptions,
  finish,
  image,
  shortcutPool,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";
import { spaceToDepth } from "./token_layers.ts";

/** What a member of the family is. */
export interface TResNetDescription {
  readonly name: string;
  /** Blocks of each stage. */
  readonly repeats: readonly [number, number, number, number];
  /** Channels of the first stage, a bottleneck's factor of four aside. */
  readonly channels: number;
  /** Whether the first two stages are bottlenecks as well. */
  readonly v2?: boolean;
  readonly classes: number;
}

const leaky = { name: "leakyRelu", slope: 1e-3 } as const;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildTResNet({ name, repeats, channels, v2 = false, classes }: TResNetDescription): Network {
  const operations: Operation[] = [];
  const depth = spaceToDepth(operations, image, "body.s2d", 4, "rowFirst");
  let tensor = convNormAct(operations, depth, "body.conv1", {
    outputChannels: channels,
    kernel: 3,
    activation: { name: "leakyRelu", slope: 0.01 },
  });
  const last = repeats.reduce((sum, repeat) => sum + repeat, 0) - 1;
  let block = 0;
  repeats.forEach((repeat, stage) => {
    for (let index = 0; index < repeat; index++) {
      tensor = residualBlock(operations, tensor, {
        name: `body.layer${stage + 1}.${index}`,
        bottleneck: v2 || stage > 1,
        channels: channels * 2 ** stage,
        stride: index === 0 && stage > 0 ? 2 : 1,
        excites: stage < 3,
        dropPath: block++ / last,
      });
    }
  });
  return finish(name, operations, tensor, { name: "head.fc", classes }, "tresnet");
}

interface Block {
  readonly name: string;
  readonly bottleneck: boolean;
  readonly channels: number;
  readonly stride: number;
  readonly excites: boolean;
  readonly dropPath: number;
}

function residualBlock(
  operations: Operation[],
  input: Tensor,
  { name, bottleneck, channels, stride, excites, dropPath }: Block,
): Tensor {
  const outputChannels = channels * (bottleneck ? 4 : 1);
  const layer = (tensor: Tensor, part: string, options: ConvolutionOptions) =>
    convNormAct(operations, tensor, `${name}.${part}`, { ...options, activation: leaky });
  const strided = (tensor: Tensor, part: string) => {
    const convolved = layer(tensor, part, { outputChannels: channels, kernel: 3 });
    return stride === 1 ? convolved : antiAliased(operations, convolved, `${name}.${part}.aa`, stride, "blur");
  };
  const squeeze = (tensor: Tensor, reduction: number) =>
    excites
      ? squeezeExcitation(operations, tensor, `${name}.se`, {
        reduce: "fc1",
        expand: "fc2",
        reducedChannels: Math.max(Math.floor(outputChannels / reduction), 64),
        activation: "relu",
      })
      : tensor;
  let tensor;
  if (bottleneck) {
    tensor = strided(layer(input, "conv1", { outputChannels: channels, kernel: 1 }), "conv2");
    tensor = convNormAct(operations, squeeze(tensor, 8), `${name}.conv3`, { outputChannels, kernel: 1 });
  } else {
    tensor = convNormAct(operations, strided(input, "conv1"), `${name}.conv2`, { outputChannels, kernel: 3 });
    tensor = squeeze(tensor, 4);
  }
  let shortcut = input;
  if (stride !== 1 || input.channels !== outputChannels) {
    shortcut = shortcutPool(operations, input, `${name}.downsample.0`, stride);
    const module = `${name}.downsample.${stride === 1 ? 0 : 1}`;
    shortcut = convNormAct(operations, shortcut, module, { outputChannels, kernel: 1 });
  }
  return activation(operations, add(operations, tensor, shortcut, `${name}.sum`, dropPath), "relu");
}

/** The members that timm has. */
export const tresnets: Family = familyOf<Omit<TResNetDescription, "name" | "classes">>({
  tresnet_m: { repeats: [3, 4, 11, 3], channels: 64 },
  tresnet_l: { repeats: [4, 5, 18, 3], channels: 76 },
  tresnet_xl: { repeats: [4, 5, 24, 3], channels: 83 },
  tresnet_v2_l: { repeats: [3, 4, 23, 3], channels: 64, v2: true },
}, buildTResNet);
