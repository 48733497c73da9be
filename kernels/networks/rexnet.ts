// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * ReXNet.
 *
 * Inverted residuals whose output grows by the same number of channels from block to block, instead of doubling with each
 * stride. As the width almost never stays, the residual is added to the first channels only, those that the input has.
 * The expansion and the stem are SiLU, the depthwise convolution ReLU6 (after the squeeze-and-excitation, which has a
 * batch norm and starts with the third stage).
 *
 * Source: Han et al., "Rethinking Channel Dimensions for Efficient Model Design", 2021 (arXiv:2007.00992), section 4.2.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { makeDivisible, roundHalfToEven } from "./channels.ts";
import { activation, add, convNormAct, finish, image, squeezeExcitation, type Tensor } from "./layers.ts";

/** What a member of the family is. */
export interface ReXNetDescription {
  readonly name: string;
  /** Multiplies the widths; below 1 the first ones stay. */
  readonly width: number;
  /** Multiplies the number of blocks of each stage. */
  readonly depth: number;
  /** Channels of the first block, and how many are added up to the last, before `width`. */
  readonly initialChannels: number;
  readonly finalChannels: number;
  /** What every width is a multiple of: 1, or 8 and 16 in `rexnetr`. */
  readonly divisor: number;
  readonly classes: number;
}

interface Block {
  readonly channels: number;
  readonly expansion: number;
  readonly stride: number;
  readonly squeezeExcitation: boolean;
}

const stageRepeats = [1, 2, 2, 3, 3, 5];
const stageStrides = [1, 2, 2, 2, 1, 2];
/** Channels of the squeeze over those it reads. */
const squeezeRatio = 1 / 12;
const epsilon = 1e-5;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildReXNet(description: ReXNetDescription): Network {
  const { width, divisor } = description;
  const operations: Operation[] = [];
  const stemChannels = makeDivisible(roundHalfToEven((width < 1 ? 32 / width : 32) * width), divisor);
  let tensor = convNormAct(operations, image, "stem", {
    outputChannels: stemChannels,
    kernel: 3,
    stride: 2,
    epsilon,
    activation: "silu",
  });
  const blocks = schedule(description);
  blocks.forEach((block, index) => {
    const place = { name: `features.${index}`, dropPath: index / (blocks.length - 1) };
    tensor = linearBottleneck(operations, tensor, place, block, divisor);
  });
  const headChannels = makeDivisible(1280 * width, divisor);
  tensor = convNormAct(operations, tensor, `features.${blocks.length}`, {
    outputChannels: headChannels,
    kernel: 1,
    epsilon,
    activation: "silu",
  });
  return finish(
    description.name,
    operations,
    tensor,
    { name: "head.fc", classes: description.classes },
    "efficientnet",
  );
}

/** The blocks, their widths growing linearly from the initial channels on. */
function schedule(description: ReXNetDescription): Block[] {
  const { width, initialChannels, finalChannels, divisor } = description;
  const repeats = stageRepeats.map((repeats) => Math.ceil(repeats * description.depth));
  const count = repeats.reduce((sum, repeats) => sum + repeats, 0);
  const blocks: Block[] = [];
  let channels = width < 1 ? initialChannels / width : initialChannels;
  repeats.forEach((repeats, stage) => {
    for (let index = 0; index < repeats; index++) {
      blocks.push({
        channels: makeDivisible(roundHalfToEven(channels * width), divisor),
        expansion: stage === 0 ? 1 : 6,
        stride: index === 0 ? stageStrides[stage] : 1,
        squeezeExcitation: stage >= 2,
      });
      channels += finalChannels / count;
    }
  });
  return blocks;
}

function linearBottleneck(
  operations: Operation[],
  input: Tensor,
  { name, dropPath }: { name: string; dropPath: number },
  block: Block,
  divisor: number,
): Tensor {
  let tensor = input;
  if (block.expansion !== 1) {
    const outputChannels = makeDivisible(input.channels * block.expansion, divisor);
    tensor = convNormAct(operations, tensor, `${name}.conv_exp`, {
      outputChannels,
      kernel: 1,
      epsilon,
      activation: "silu",
    });
  }
  const { channels } = tensor;
  tensor = convNormAct(operations, tensor, `${name}.conv_dw`, {
    outputChannels: channels,
    kernel: 3,
    stride: block.stride,
    groups: channels,
    epsilon,
  });
  if (block.squeezeExcitation) {
    tensor = squeezeExcitation(operations, tensor, `${name}.se`, {
      reduce: "fc1",
      expand: "fc2",
      reducedChannels: makeDivisible(Math.floor(channels * squeezeRatio), divisor),
      activation: "relu",
      norm: { name: "bn", epsilon },
    });
  }
  tensor = activation(operations, tensor, "relu6");
  tensor = convNormAct(operations, tensor, `${name}.conv_pwl`, { outputChannels: block.channels, kernel: 1, epsilon });
  const keepsShape = block.stride === 1 && input.channels <= block.channels;
  return keepsShape ? add(operations, tensor, input, name, dropPath) : tensor;
}

/** Width and divisor of each member of ReXNet. */
const MEMBERS: Readonly<Record<string, Pick<ReXNetDescription, "width" | "divisor">>> = {
  rexnet_100: { width: 1.0, divisor: 1 },
  rexnet_130: { width: 1.3, divisor: 1 },
  rexnet_150: { width: 1.5, divisor: 1 },
  rexnet_200: { width: 2.0, divisor: 1 },
  rexnet_300: { width: 3.0, divisor: 1 },
  rexnetr_100: { width: 1.0, divisor: 8 },
  rexnetr_130: { width: 1.3, divisor: 8 },
  rexnetr_150: { width: 1.5, divisor: 8 },
  rexnetr_200: { width: 2.0, divisor: 8 },
  rexnetr_300: { width: 3.0, divisor: 16 },
};

/** The members that timm has. */
export const rexnets: Family = familyOf(
  MEMBERS,
  (member) => buildReXNet({ ...member, depth: 1, initialChannels: 16, finalChannels: 180 }),
);
