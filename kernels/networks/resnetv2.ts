/**
 * ResNetV2, whose blocks have norm and activation before each convolution; BiT among them.
 *
 * A stem without a norm and a max pool, four stages of blocks, a norm and a ReLU, and a 1x1 convolution as the classifier,
 * which labels each cell. Where the shape changes, the shortcut is a 1x1 convolution of the block's normed input. BiT has
 * group norm of 32 groups and standardised weights; others batch norm, or group norm alone.
 *
 * Sources: He et al., "Identity Mappings in Deep Residual Networks", 2016; Kolesnikov et al., "Big Transfer (BiT)", 2020
 * (arXiv:1912.11370), section 3; timm 1.0.31, `resnetv2.py`, whose names these are.
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
  averagePooledHeads,
  batchNorm,
  classifierLayer,
  convolution,
  type ConvolutionOptions,
  finishWithHeads,
  image,
  pool,
  shortcutPool,
  type Tensor,
} from "./layers.ts";
import { groupNorm } from "./token_layers.ts";

/** What a member of the family is. */
export interface ResNetV2Description {
  readonly name: string;
  /** Blocks of each stage. */
  readonly repeats: readonly number[];
  /** Two 3x3 convolutions of narrow channels, or 1x1, 3x3, 1x1 with four times the width outside. */
  readonly block: "basic" | "bottleneck";
  /** What the channels are multiplied by; default 1. */
  readonly width?: number;
  /** Channels of the stem and of each stage of bottlenecks, before the width; 64 and 256 to 2048 if left out. */
  readonly channels?: readonly [stem: number, ...stages: number[]];
  /** Whether the stem is three 3x3 convolutions, and a strided shortcut averages before its own. */
  readonly deep?: boolean;
  readonly norm: "batch" | "group";
  /** Whether weights are standardised. */
  readonly standardised?: boolean;
  readonly classes: number;
}

const EPSILON = 1e-5;
const GROUPS = 32;
/** BiT's, of the weights. */
const WEIGHT_EPSILON = 1e-8;

/** The layers of a member: its convolution, and its norm with a ReLU. */
interface Layers {
  convolution(input: Tensor, name: string, options: ConvolutionOptions): Tensor;
  norm(input: Tensor, name: string): Tensor;
}

function layersOf(operations: Operation[], { norm, standardised }: ResNetV2Description): Layers {
  const weights = standardised ? { standardised: { epsilon: WEIGHT_EPSILON } } : {};
  return {
    convolution: (input, name, options) => convolution(operations, input, name, { ...options, ...weights }),
    norm: (input, name) =>
      activation(
        operations,
        norm === "batch"
          ? batchNorm(operations, input, name, EPSILON)
          : groupNorm(operations, input, name, { groups: GROUPS, epsilon: EPSILON }),
        "relu",
      ),
  };
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildResNetV2(description: ResNetV2Description): Network {
  const { name, repeats, width = 1, classes } = description;
  const basic = description.block === "basic";
  const [stemChannels, ...channels] =
    (description.channels ?? [64, ...[64, 128, 256, 512].map((n) => basic ? n : 4 * n)])
      .map((channels) => makeDivisible(channels * width, 8));
  const operations: Operation[] = [];
  const layers = layersOf(operations, description);
  let tensor = stem(layers, stemChannels, description.deep ?? false);
  tensor = pool(operations, tensor, "stem.pool", {
    mode: "max",
    kernel: 3,
    stride: 2,
    padding: 1,
    ...fixedPadding(description),
  });
  const last = repeats.reduce((sum, repeat) => sum + repeat, 0) - 1;
  let block = 0;
  repeats.forEach((repeat, stage) => {
    for (let index = 0; index < repeat; index++) {
      const options = {
        name: `stages.${stage}.blocks.${index}`,
        outputChannels: channels[stage],
        stride: index === 0 && stage > 0 ? 2 : 1,
        isFirst: index === 0,
        dropPath: block++ / last,
      };
      tensor = residualBlock(operations, layers, tensor, options, description);
    }
  });
  const features = layers.norm(tensor, "norm");
  const classifier = { outputChannels: classes, kernel: 1, bias: true };
  return finishWithHeads({
    name,
    operations,
    features,
    ...averagePooledHeads(features, (head, input) => convolution(head, input, "head.fc", classifier)),
    classifier: classifierLayer("head.fc", features.channels, classes),
    initialisation: "resnetv2",
  });
}

/** BiT's pool counts zeros around the image, others only what is in it. */
function fixedPadding({ standardised }: ResNetV2Description) {
  return standardised ? { zeroPadding: true } : {};
}

function stem(layers: Layers, outputChannels: number, deep: boolean): Tensor {
  if (!deep) return layers.convolution(image, "stem.conv", { outputChannels, kernel: 7, stride: 2 });
  const narrow = { outputChannels: outputChannels / 2, kernel: 3 };
  let tensor = layers.norm(layers.convolution(image, "stem.conv1", { ...narrow, stride: 2 }), "stem.norm1");
  tensor = layers.norm(layers.convolution(tensor, "stem.conv2", narrow), "stem.norm2");
  return layers.convolution(tensor, "stem.conv3", { outputChannels, kernel: 3 });
}

interface Block {
  readonly name: string;
  readonly outputChannels: number;
  readonly stride: number;
  /** Whether it begins a stage. */
  readonly isFirst: boolean;
  readonly dropPath: number;
}

function residualBlock(
  operations: Operation[],
  layers: Layers,
  input: Tensor,
  { name, outputChannels, stride, isFirst, dropPath }: Block,
  { block, deep = false }: ResNetV2Description,
): Tensor {
  const normed = layers.norm(input, `${name}.norm1`);
  let shortcut = input;
  const basic = block === "basic";
  if (isFirst && (!basic || stride !== 1 || input.channels !== outputChannels)) {
    const pooled = deep ? shortcutPool(operations, normed, `${name}.downsample.pool`, stride) : normed;
    const options = { outputChannels, kernel: 1, stride: deep ? 1 : stride };
    shortcut = layers.convolution(pooled, `${name}.downsample.conv`, options);
  }
  const inner = basic ? outputChannels : makeDivisible(outputChannels / 4, 8);
  const kernels = basic ? [3, 3] : [1, 3, 1];
  const strided = basic ? 0 : 1;
  const tensor = kernels.reduce(
    (tensor, kernel, index) =>
      layers.convolution(
        index === 0 ? normed : layers.norm(tensor, `${name}.norm${index + 1}`),
        `${name}.conv${index + 1}`,
        {
          outputChannels: index === kernels.length - 1 ? outputChannels : inner,
          kernel,
          stride: index === strided ? stride : 1,
        },
      ),
    normed,
  );
  return add(operations, tensor, shortcut, name, dropPath);
}

type Member = Omit<ResNetV2Description, "name" | "classes">;

const REPEATS = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
} as const;

function bit(layers: keyof typeof REPEATS, width: number): Member {
  return { repeats: REPEATS[layers], block: "bottleneck", width, norm: "group", standardised: true };
}
function plain(layers: keyof typeof REPEATS, deep = false): Member {
  return { repeats: REPEATS[layers], block: layers < 50 ? "basic" : "bottleneck", norm: "batch", deep };
}

/** The members that timm has weights of, but for those with norms that it alone tried. */
export const resnetV2s: Family = familyOf<Member>({
  resnetv2_50x1_bit: bit(50, 1),
  resnetv2_50x3_bit: bit(50, 3),
  resnetv2_101x1_bit: bit(101, 1),
  resnetv2_101x3_bit: bit(101, 3),
  resnetv2_152x2_bit: bit(152, 2),
  resnetv2_152x4_bit: bit(152, 4),
  resnetv2_18: plain(18),
  resnetv2_18d: plain(18, true),
  resnetv2_34: plain(34),
  resnetv2_34d: plain(34, true),
  resnetv2_50: plain(50),
  resnetv2_101: plain(101),
  resnetv2_50d_gn: { ...plain(50, true), norm: "group" },
}, buildResNetV2);
