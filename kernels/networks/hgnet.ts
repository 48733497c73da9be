/**
 * PP-HGNet and PP-HGNetV2.
 *
 * Four stages of blocks, each a chain of 3x3 convolutions whose input and outputs are put side by side and aggregated by
 * 1x1 convolutions: in V1 one, with a gate for each channel from the mean over the image, in V2 two. V2's last two stages
 * have light layers, a 1x1 and a depthwise 5x5 convolution. A depthwise convolution halves the image between stages. Behind
 * every activation of the smaller V2s stands a learned factor and summand for all channels. The head has a 1x1 convolution
 * after the pool, in a label map in each cell.
 *
 * Sources: PaddlePaddle's PP-HGNet; Zhao et al., "DETRs Beat YOLOs on Real-time Object Detection", 2024, for V2's use;
 * timm 1.0.31, `hgnet.py`.
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
  batchNorm,
  classifierLayer,
  convolution,
  type ConvolutionOptions,
  finishWithHeads,
  image,
  linear,
  pool,
  type Tensor,
} from "./layers.ts";
import { concatenate } from "./token_layers.ts";

/** A run of blocks. */
export interface HgNetStage {
  /** Channels of the layers within a block, and of its output. */
  readonly innerChannels: number;
  readonly channels: number;
  readonly blocks: number;
  /** Layers of a block. */
  readonly layers: number;
}

/** What a member of the family is. */
export interface HgNetDescription {
  readonly name: string;
  readonly version: 1 | 2;
  /** V1: channels of the stem's three convolutions; V2: of its first ones and its last. */
  readonly stemChannels: readonly number[];
  readonly stages: readonly HgNetStage[];
  /** Whether a learned factor and summand follows each activation. */
  readonly affine: boolean;
  readonly classes: number;
}

const epsilon = 1e-5;
/** Channels of the convolution behind the pool. */
const headChannels = 2048;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildHgNet(description: HgNetDescription): Network {
  const { name, stages, affine, classes } = description;
  const operations: Operation[] = [];
  let tensor = (description.version === 1 ? stemV1 : stemV2)(operations, description);
  const last = stages.reduce((sum, { blocks }) => sum + blocks, 0) - 1;
  let count = 0;
  stages.forEach((stage, index) => {
    const { channels } = tensor;
    if (index > 0) {
      const options = { outputChannels: channels, kernel: 3, stride: 2, groups: channels };
      tensor = layer(operations, tensor, `stages.${index}.downsample`, { ...options, activated: false, affine });
    }
    for (let block = 0; block < stage.blocks; block++) {
      const place = {
        name: `stages.${index}.blocks.${block}`,
        light: description.version === 2 && index > 1,
        residual: block > 0,
        dropPath: count++ / last,
      };
      tensor = aggregationBlock(operations, tensor, place, stage, description);
    }
  });
  return finishWithHeads({
    name,
    operations,
    features: tensor,
    ...averagePooledHeads(tensor, (head, input) => {
      const hidden = convolution(head, input, "head.last_conv.0", { outputChannels: headChannels, kernel: 1 });
      let output = activation(head, hidden, "relu");
      if (affine) output = learnedAffine(head, output, "head.last_conv.2");
      return linear(head, output, "head.fc", { outputChannels: classes, output: "logits" });
    }),
    classifier: classifierLayer("head.fc", headChannels, classes),
    initialisation: "hgnet",
  });
}

function stemV1(operations: Operation[], { stemChannels, affine }: HgNetDescription): Tensor {
  let tensor = image;
  stemChannels.forEach((outputChannels, index) => {
    const options = { outputChannels, kernel: 3, stride: index === 0 ? 2 : 1, affine };
    tensor = layer(operations, tensor, `stem.stem.${index}`, options);
  });
  return pool(operations, tensor, "stem.pool", { mode: "max", kernel: 3, stride: 2, padding: 1 });
}

/** Two paths of the stem, one of convolutions of 2 x 2, one of a max pool of 2 x 2: zeros stand below and on the right. */
function stemV2(operations: Operation[], { stemChannels: [first, outputChannels], affine }: HgNetDescription): Tensor {
  const begin = layer(operations, image, "stem.stem1", { outputChannels: first, kernel: 3, stride: 2, affine });
  const window = { kernel: 2, padding: "same", affine } as const;
  const half = layer(operations, begin, "stem.stem2a", { ...window, outputChannels: Math.floor(first / 2) });
  const convolved = layer(operations, half, "stem.stem2b", { ...window, outputChannels: first });
  const options = { mode: "max", kernel: 2, stride: 1, padding: "same", zeroPadding: true } as const;
  const pooled = pool(operations, begin, "stem.pool", options);
  const both = concatenate(operations, [pooled, convolved], "stem.both");
  const strided = layer(operations, both, "stem.stem3", { outputChannels: first, kernel: 3, stride: 2, affine });
  return layer(operations, strided, "stem.stem4", { outputChannels, kernel: 1, affine });
}

interface Place {
  readonly name: string;
  readonly light: boolean;
  readonly residual: boolean;
  readonly dropPath: number;
}

function aggregationBlock(
  operations: Operation[],
  input: Tensor,
  { name, light, residual, dropPath }: Place,
  { innerChannels: outputChannels, channels, layers }: HgNetStage,
  { version, affine }: HgNetDescription,
): Tensor {
  const outputs = [input];
  for (let index = 0; index < layers; index++) {
    const module = `${name}.layers.${index}`;
    let tensor = outputs[index];
    if (light) {
      tensor = layer(operations, tensor, `${module}.conv1`, { outputChannels, kernel: 1, activated: false, affine });
      const depthwise = { outputChannels, kernel: 5, groups: outputChannels, affine };
      tensor = layer(operations, tensor, `${module}.conv2`, depthwise);
    } else {
      tensor = layer(operations, tensor, module, { outputChannels, kernel: 3, affine });
    }
    outputs.push(tensor);
  }
  const module = `${name}.aggregation`;
  const all = concatenate(operations, outputs, `${name}.all`);
  const first = version === 1 ? channels : Math.floor(channels / 2);
  let tensor = layer(operations, all, `${module}.0`, { outputChannels: first, kernel: 1, affine });
  tensor = version === 1
    ? channelGate(operations, tensor, `${module}.1`)
    : layer(operations, tensor, `${module}.1`, { outputChannels: channels, kernel: 1, affine });
  return residual ? add(operations, tensor, input, name, dropPath) : tensor;
}

/** A gate for each channel from the means of all (effective squeeze-and-excitation). */
function channelGate(operations: Operation[], input: Tensor, name: string): Tensor {
  const mean: Tensor = { ...input, name: `${name}.mean` };
  operations.push({ type: "globalAveragePool", input: input.name, output: mean.name });
  const options = { outputChannels: input.channels, kernel: 1, bias: true };
  const gate = activation(operations, convolution(operations, mean, `${name}.conv`, options), "sigmoid");
  operations.push({ type: "multiply", input: input.name, gate: gate.name, output: name });
  return { ...input, name };
}

/** timm's `ConvBNAct`, which has a learned factor and summand where there is an activation. */
function layer(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: ConvolutionOptions & { readonly activated?: boolean; readonly affine: boolean },
): Tensor {
  const { activated = true, affine } = options;
  const convolved = convolution(operations, input, `${name}.conv`, options);
  const normed = batchNorm(operations, convolved, `${name}.bn`, epsilon);
  if (!activated) return normed;
  const tensor = activation(operations, normed, "relu");
  return affine ? learnedAffine(operations, tensor, `${name}.lab`) : tensor;
}

function learnedAffine(operations: Operation[], input: Tensor, name: string): Tensor {
  const parameters = { weight: `${name}.scale`, bias: `${name}.bias`, shape: [1] };
  operations.push({ type: "scale", input: input.name, output: name, channels: input.channels, ...parameters });
  return { ...input, name };
}

type Member = Omit<HgNetDescription, "name" | "classes">;

/** A member of V1, whose blocks have so many layers. */
function v1(
  layers: number,
  stemChannels: readonly number[],
  stages: readonly (readonly [inner: number, channels: number, blocks: number])[],
): Member {
  return {
    version: 1,
    affine: false,
    stemChannels,
    stages: stages.map(([innerChannels, channels, blocks]) => ({ innerChannels, channels, blocks, layers })),
  };
}

/** A member of V2. */
function v2(affine: boolean, ...member: Parameters<typeof v1>): Member {
  return { ...v1(...member), version: 2, affine };
}

/** The members that timm has. */
export const hgnets: Family = familyOf<Member>({
  hgnet_tiny: v1(5, [48, 48, 96], [[96, 224, 1], [128, 448, 1], [160, 512, 2], [192, 768, 1]]),
  hgnet_small: v1(6, [64, 64, 128], [[128, 256, 1], [160, 512, 1], [192, 768, 2], [224, 1024, 1]]),
  hgnet_base: v1(7, [96, 96, 160], [[192, 320, 1], [224, 640, 2], [256, 960, 3], [288, 1280, 2]]),
  hgnetv2_b0: v2(true, 3, [16, 16], [[16, 64, 1], [32, 256, 1], [64, 512, 2], [128, 1024, 1]]),
  hgnetv2_b1: v2(true, 3, [24, 32], [[32, 64, 1], [48, 256, 1], [96, 512, 2], [192, 1024, 1]]),
  hgnetv2_b2: v2(true, 4, [24, 32], [[32, 96, 1], [64, 384, 1], [128, 768, 3], [256, 1536, 1]]),
  hgnetv2_b3: v2(true, 5, [24, 32], [[32, 128, 1], [64, 512, 1], [128, 1024, 3], [256, 2048, 1]]),
  hgnetv2_b4: v2(false, 6, [32, 48], [[48, 128, 1], [96, 512, 1], [192, 1024, 3], [384, 2048, 1]]),
  hgnetv2_b5: v2(false, 6, [32, 64], [[64, 128, 1], [128, 512, 2], [256, 1024, 5], [512, 2048, 2]]),
  hgnetv2_b6: v2(false, 6, [48, 96], [[96, 192, 2], [192, 512, 3], [384, 1024, 6], [768, 2048, 3]]),
}, buildHgNet);
