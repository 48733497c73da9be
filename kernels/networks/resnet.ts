// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * ResNet and ResNeXt, for photographs and for small images.
 *
 * A 7x7 stem and a max pool, then four stages of residual blocks: two 3x3 convolutions (`basic`), or 1x1, 3x3, 1x1 with
 * four times the width outside (`bottleneck`). ResNeXt groups the 3x3 convolution and widens it: its width is
 * `floor(channels * baseWidth / 64) * cardinality`. The stride is on the 3x3 convolution, as in torchvision.
 *
 * For images of 32 x 32 pixels or so, stem and pool are one 3x3 convolution, and three stages of basic blocks follow, of
 * 16, 32 and 64 channels; with n blocks a stage it has 6n + 2 layers. Where the shape changes, the shortcut is a 1x1
 * convolution as in the other networks.
 *
 * Sources: He et al., "Deep Residual Learning", 2016, table 1, section 4.2 for small images; Xie et al., "Aggregated Residual Transformations", 2017,
 * table 1; Mahajan et al., "Exploring the Limits of Weakly Supervised Pretraining", 2018, for 32x8d to 32x48d.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { activation, add, batchNorm, convolution, finish, image, type Tensor } from "./layers.ts";

/** What a member of the family is. */
export interface ResNetDescription {
  readonly name: string;
  /** The stem for small images, as wide as the first stage; if left out, it is the 7x7 convolution and the max pool. */
  readonly smallStem?: { readonly stride: number };
  readonly block: "basic" | "bottleneck";
  /** Number of blocks of each stage. */
  readonly repeats: readonly number[];
  /** Width of each stage, before the bottleneck's factor of four. */
  readonly channels: readonly number[];
  /** Groups of the bottleneck's 3x3 convolution. */
  readonly cardinality: number;
  /** Channels of that convolution per 64 of the stage's width, in one group. */
  readonly baseWidth: number;
  readonly classes: number;
}

/** How many times wider than the stage a block's output is. */
const expansion = { basic: 1, bottleneck: 4 } as const;
const stemChannels = 64;
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

function stem(operations: Operation[], { smallStem, channels }: ResNetDescription): Tensor {
  const shape = smallStem
    ? { outputChannels: channels[0], kernel: 3, stride: smallStem.stride }
    : { outputChannels: stemChannels, kernel: 7, stride: 2 };
  const norm = batchNorm(operations, convolution(operations, image, "conv1", shape), "bn1", epsilon);
  const tensor = activation(operations, norm, "relu");
  if (smallStem) return tensor;
  operations.push({
    type: "pool",
    mode: "max",
    input: tensor.name,
    output: "maxpool",
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
  });
  return { ...tensor, name: "maxpool", stride: tensor.stride * 2 };
}

function residualBlock(
  operations: Operation[],
  input: Tensor,
  { name, stage, stride, dropPath }: { name: string; stage: number; stride: number; dropPath: number },
  description: ResNetDescription,
): Tensor {
  const { block, cardinality } = description;
  const channels = description.channels[stage];
  const outputChannels = channels * expansion[block];
  let layers = 0;
  const layer = (tensor: Tensor, outputChannels: number, kernel: number, stride: number, groups: number) => {
    layers++;
    const options = { outputChannels, kernel, stride, groups };
    return batchNorm(
      operations,
      convolution(operations, tensor, `${name}.conv${layers}`, options),
      `${name}.bn${layers}`,
      epsilon,
    );
  };
  const relu = (tensor: Tensor) => activation(operations, tensor, "relu");
  let tensor;
  if (block === "basic") {
    tensor = layer(relu(layer(input, channels, 3, stride, 1)), outputChannels, 3, 1, 1);
  } else {
    const width = Math.floor(channels * (description.baseWidth / 64)) * cardinality;
    tensor = relu(layer(input, width, 1, 1, 1));
    tensor = layer(relu(layer(tensor, width, 3, stride, cardinality)), outputChannels, 1, 1, 1);
  }
  let shortcut = input;
  if (stride !== 1 || input.channels !== outputChannels) {
    shortcut = convolution(operations, input, `${name}.downsample.0`, { outputChannels, kernel: 1, stride });
    shortcut = batchNorm(operations, shortcut, `${name}.downsample.1`, epsilon);
  }
  return relu(add(operations, tensor, shortcut, name, dropPath));
}

const PLAIN = { cardinality: 1, baseWidth: 64 };
const MEMBERS: Readonly<Record<string, Omit<ResNetDescription, "name" | "channels" | "classes">>> = {
  resnet18: { block: "basic", repeats: [2, 2, 2, 2], ...PLAIN },
  resnet34: { block: "basic", repeats: [3, 4, 6, 3], ...PLAIN },
  resnet50: { block: "bottleneck", repeats: [3, 4, 6, 3], ...PLAIN },
  resnet101: { block: "bottleneck", repeats: [3, 4, 23, 3], ...PLAIN },
  resnet152: { block: "bottleneck", repeats: [3, 8, 36, 3], ...PLAIN },
  resnext50_32x4d: { block: "bottleneck", repeats: [3, 4, 6, 3], cardinality: 32, baseWidth: 4 },
  resnext101_32x4d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 4 },
  resnext101_32x8d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 8 },
  resnext101_32x16d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 16 },
  resnext101_32x32d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 32 },
  resnext101_32x48d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 48 },
};

/** Layers and width of each ResNet for small images, the width over that of the paper. */
const SMALL_MEMBERS: readonly [layers: number, width: number][] = [
  ...[8, 14, 20, 32, 44, 56].map((layers) => [layers, 1] as [number, number]),
  ...[2, 3, 4].map((width) => [8, width] as [number, number]),
];

/** ResNets and ResNeXts for photographs. */
export const resnets: Family = familyOf(
  MEMBERS,
  (member) => buildResNet({ ...member, channels: [64, 128, 256, 512] }),
);

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
