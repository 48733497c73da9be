// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * RegNet X, Y, Z and V.
 *
 * A stem and four stages of bottlenecks, each of stride 2. The width of block j is quantised from `initial + slope * j`
 * to `initial * multiplier^e`, e an integer, and to multiples of 8; blocks of one width are a stage. The 3x3 convolution
 * has groups of `groupWidth` channels. Y has squeeze-and-excitation after it, of a quarter of the block's input channels.
 * Z widens inside the block, is SiLU, has no activation after the sum and no shortcut where the shape changes. V normalises
 * before its convolutions (pre-activation).
 *
 * Sources: Radosavovic et al., "Designing Network Design Spaces", 2020 (arXiv:2003.13678), section 3.3; Dollár et al.,
 * "Fast and Accurate Model Scaling", 2021 (arXiv:2103.06877), for Z; timm 1.0.31, `RegNet`, also for V; torchvision's
 * rounding of widths in `_tv`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import { makeDivisible, roundHalfToEven } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  batchNorm,
  convNormAct,
  convolution,
  type ConvolutionOptions,
  finish,
  image,
  shortcutPool,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";

/** What a member of the family is. */
export interface RegNetDescription {
  readonly name: string;
  /** Number of blocks. */
  readonly depth: number;
  /** Width of the first block, and how many channels each further one adds before quantising. */
  readonly initialWidth: number;
  readonly slope: number;
  /** What a stage's width is over that before. */
  readonly multiplier: number;
  /** Channels of a group of the 3x3 convolution. */
  readonly groupWidth: number;
  /** Width inside a block over that of its output; default 1. */
  readonly expansion?: number;
  /** Channels of the squeeze over those of the block's input; 0 for none. */
  readonly squeezeExcitation: number;
  /** Share of a width that rounding to groups must leave, as in torchvision; if left out, it is the nearest multiple. */
  readonly leastWidth?: number;
  /** The shortcut where the shape changes; default `"convolution"`. */
  readonly shortcut?: "convolution" | "average" | "none";
  /** Whether blocks normalise before their convolutions. */
  readonly preActivation?: boolean;
  /** Whether there is no activation after the sum. */
  readonly linearOutput?: boolean;
  /** Channels of a 1x1 convolution before the pooling; if left out, there is none. */
  readonly headChannels?: number;
  /** The activation of all layers; default `"relu"`. */
  readonly activation?: ActivationFunction;
  readonly classes: number;
}

interface Stage {
  readonly depth: number;
  readonly channels: number;
  readonly groupWidth: number;
}

const stemChannels = 32;
const epsilon = 1e-5;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildRegNet(description: RegNetDescription): Network {
  const { preActivation, linearOutput, headChannels, activation: activationFunction = "relu" } = description;
  const operations: Operation[] = [];
  const options = { outputChannels: stemChannels, kernel: 3, stride: 2 };
  let tensor = preActivation
    ? convolution(operations, image, "stem", options)
    : convNormAct(operations, image, "stem", { ...options, activation: activationFunction });
  let block = 0;
  stagesOf(description).forEach((stage, index) => {
    for (let inStage = 0; inStage < stage.depth; inStage++) {
      const place = {
        name: `s${index + 1}.b${inStage + 1}`,
        stride: inStage === 0 ? 2 : 1,
        dropPath: block++ / (description.depth - 1),
      };
      tensor = (preActivation ? preBottleneck : bottleneck)(operations, tensor, place, stage, description);
    }
  });
  if (headChannels !== undefined) {
    tensor = convNormAct(operations, tensor, "final_conv", {
      outputChannels: headChannels,
      kernel: 1,
      activation: activationFunction,
    });
  } else if (linearOutput || preActivation) {
    tensor = activation(operations, tensor, activationFunction);
  }
  return finish(
    description.name,
    operations,
    tensor,
    { name: "head.fc", classes: description.classes },
    linearOutput ? "vgg" : "regnet",
  );
}

/** The runs of blocks of one width, and the widths made to fit the groups. */
function stagesOf(description: RegNetDescription): Stage[] {
  const { depth, initialWidth, slope, multiplier, expansion = 1, leastWidth } = description;
  const widths = Array.from({ length: depth }, (_, block) => {
    const exponent = roundHalfToEven(Math.log((initialWidth + slope * block) / initialWidth) / Math.log(multiplier));
    return roundHalfToEven(initialWidth * multiplier ** exponent / 8) * 8;
  });
  return [...new Set(widths)].map((width) => {
    const inner = Math.floor(width * expansion);
    const groupWidth = Math.min(description.groupWidth, inner);
    const fitting = leastWidth === undefined
      ? roundHalfToEven(inner / groupWidth) * groupWidth
      : makeDivisible(inner, groupWidth, leastWidth);
    return {
      depth: widths.filter((other) => other === width).length,
      channels: Math.floor(fitting / expansion),
      groupWidth,
    };
  });
}

interface Place {
  readonly name: string;
  readonly stride: number;
  readonly dropPath: number;
}

function bottleneck(
  operations: Operation[],
  input: Tensor,
  { name, stride, dropPath }: Place,
  { channels, groupWidth }: Stage,
  description: RegNetDescription,
): Tensor {
  const { shortcut: kind = "convolution", activation: activationFunction = "relu" } = description;
  const inner = roundHalfToEven(channels * (description.expansion ?? 1));
  const layer = (tensor: Tensor, part: string, options: ConvolutionOptions) =>
    convNormAct(operations, tensor, `${name}.${part}`, { ...options, activation: activationFunction });
  let tensor = layer(input, "conv1", { outputChannels: inner, kernel: 1 });
  tensor = layer(tensor, "conv2", { outputChannels: inner, kernel: 3, stride, groups: Math.floor(inner / groupWidth) });
  tensor = squeeze(operations, tensor, name, input.channels, description);
  tensor = convNormAct(operations, tensor, `${name}.conv3`, { outputChannels: channels, kernel: 1 });
  const keepsShape = stride === 1 && input.channels === channels;
  let shortcut: Tensor | undefined = input;
  if (!keepsShape && kind === "average") {
    shortcut = shortcutPool(operations, input, `${name}.downsample.0`, stride);
    shortcut = convNormAct(operations, shortcut, `${name}.downsample.1`, { outputChannels: channels, kernel: 1 });
  } else if (!keepsShape && kind === "convolution") {
    shortcut = convNormAct(operations, input, `${name}.downsample`, { outputChannels: channels, kernel: 1, stride });
  } else if (!keepsShape) {
    shortcut = undefined;
  }
  if (shortcut) tensor = add(operations, tensor, shortcut, name, dropPath);
  return description.linearOutput ? tensor : activation(operations, tensor, activationFunction);
}

/** The block of V: the shortcut branches after the first norm, and nothing follows the sum. */
function preBottleneck(
  operations: Operation[],
  input: Tensor,
  { name, stride, dropPath }: Place,
  { channels, groupWidth }: Stage,
  description: RegNetDescription,
): Tensor {
  const { activation: activationFunction = "relu" } = description;
  const norm = (tensor: Tensor, part: string) =>
    activation(operations, batchNorm(operations, tensor, `${name}.${part}`, epsilon), activationFunction);
  const normed = norm(input, "norm1");
  let tensor = convolution(operations, normed, `${name}.conv1`, { outputChannels: channels, kernel: 1 });
  tensor = convolution(operations, norm(tensor, "norm2"), `${name}.conv2`, {
    outputChannels: channels,
    kernel: 3,
    stride,
    groups: Math.floor(channels / groupWidth),
  });
  tensor = norm(squeeze(operations, tensor, name, input.channels, description), "norm3");
  tensor = convolution(operations, tensor, `${name}.conv3`, { outputChannels: channels, kernel: 1 });
  let shortcut = normed;
  if (stride !== 1 || input.channels !== channels) {
    const averages = description.shortcut === "average";
    if (averages) shortcut = shortcutPool(operations, normed, `${name}.downsample.0`, stride);
    shortcut = convolution(operations, shortcut, averages ? `${name}.downsample.1` : `${name}.downsample`, {
      outputChannels: channels,
      kernel: 1,
      stride: averages ? 1 : stride,
    });
  }
  return add(operations, tensor, shortcut, name, dropPath);
}

function squeeze(
  operations: Operation[],
  tensor: Tensor,
  name: string,
  inputChannels: number,
  { squeezeExcitation: ratio, activation: activationFunction = "relu" }: RegNetDescription,
): Tensor {
  if (ratio === 0) return tensor;
  return squeezeExcitation(operations, tensor, `${name}.se`, {
    reduce: "fc1",
    expand: "fc2",
    reducedChannels: roundHalfToEven(inputChannels * ratio),
    activation: activationFunction,
  });
}

/** A member of X: depth, first width, slope, multiplier and group width. */
function x(depth: number, initialWidth: number, slope: number, multiplier: number, groupWidth: number) {
  return { depth, initialWidth, slope, multiplier, groupWidth, squeezeExcitation: 0 };
}

/** A member of Y; as of X. */
function y(...numbers: Parameters<typeof x>) {
  return { ...x(...numbers), squeezeExcitation: 0.25 };
}

const leastWidth = 0.9;
const z = { expansion: 4, shortcut: "none", linearOutput: true, activation: "silu" } as const;
const v = { preActivation: true, activation: "silu" } as const;

const MEMBERS: Readonly<Record<string, Omit<RegNetDescription, "name" | "classes">>> = {
  regnetx_002: x(13, 24, 36.44, 2.49, 8),
  regnetx_004: x(22, 24, 24.48, 2.54, 16),
  regnetx_004_tv: { ...x(22, 24, 24.48, 2.54, 16), leastWidth },
  regnetx_006: x(16, 48, 36.97, 2.24, 24),
  regnetx_008: x(16, 56, 35.73, 2.28, 16),
  regnetx_016: x(18, 80, 34.01, 2.25, 24),
  regnetx_032: x(25, 88, 26.31, 2.25, 48),
  regnetx_040: x(23, 96, 38.65, 2.43, 40),
  regnetx_064: x(17, 184, 60.83, 2.07, 56),
  regnetx_080: x(23, 80, 49.56, 2.88, 120),
  regnetx_120: x(19, 168, 73.36, 2.37, 112),
  regnetx_160: x(22, 216, 55.59, 2.1, 128),
  regnetx_320: x(23, 320, 69.86, 2.0, 168),
  regnety_002: y(13, 24, 36.44, 2.49, 8),
  regnety_004: y(16, 48, 27.89, 2.09, 8),
  regnety_006: y(15, 48, 32.54, 2.32, 16),
  regnety_008: y(14, 56, 38.84, 2.4, 16),
  regnety_008_tv: { ...y(14, 56, 38.84, 2.4, 16), leastWidth },
  regnety_016: y(27, 48, 20.71, 2.65, 24),
  regnety_032: y(21, 80, 42.63, 2.66, 24),
  regnety_040: y(22, 96, 31.41, 2.24, 64),
  regnety_064: y(25, 112, 33.22, 2.27, 72),
  regnety_080: y(17, 192, 76.82, 2.19, 56),
  regnety_080_tv: { ...y(17, 192, 76.82, 2.19, 56), leastWidth },
  regnety_120: y(19, 168, 73.36, 2.37, 112),
  regnety_160: y(18, 200, 106.23, 2.48, 112),
  regnety_320: y(20, 232, 115.89, 2.53, 232),
  regnety_640: y(20, 352, 147.48, 2.4, 328),
  regnety_1280: y(27, 456, 160.83, 2.52, 264),
  regnety_2560: y(27, 640, 230.83, 2.53, 373),
  regnetz_040: { ...y(28, 48, 14.5, 2.226, 8), ...z },
  regnetz_040_h: { ...y(28, 48, 14.5, 2.226, 8), ...z, headChannels: 1536 },
  regnetv_040: { ...y(22, 96, 31.41, 2.24, 64), ...v },
  regnetv_064: { ...y(25, 112, 33.22, 2.27, 72), ...v, shortcut: "average" },
};

/** The members that timm has. */
export const regnets: Family = familyOf(MEMBERS, buildRegNet);
