/**
 * The blocks of mobile networks: stem and stages of EfficientNet, MobileNet and their kin.
 *
 * A stem, then blocks that are wide inside and narrow outside. An inverted residual expands by 1x1, convolves each channel
 * by itself, excites and projects by 1x1, with a residual where the shape stays. A depthwise-separable block lacks the
 * expansion; a fused inverted residual expands by a k x k convolution of all channels; MobileNetV4's universal one has up to
 * three depthwise convolutions. Its attention has one key and one value for the queries of all heads, made of every other
 * position in larger maps.
 *
 * Sources: Sandler et al., "MobileNetV2", 2018; Tan and Le, "EfficientNetV2", 2021; Qin et al., "MobileNetV4", 2024;
 * timm 1.0.31, `EfficientNetBuilder`.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import { makeDivisible, roundHalfToEven } from "./channels.ts";
import {
  activation,
  add,
  antiAliased,
  type AntiAliasing,
  batchNorm,
  convNormAct,
  convolution,
  type ConvolutionOptions,
  image,
  type PaddingRule,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";
import { concatenate, layerScale } from "./token_layers.ts";
import type { MobileBlock } from "./mobile_notation.ts";

/** How a network squeezes and excites. */
export interface MobileSqueeze {
  /** What a block's ratio multiplies: the channels of its input or of its inside; default `"input"`. */
  readonly of?: "input" | "inside";
  /** The least share that rounding to multiples of 8 may leave; if left out, it rounds to the nearest integer. */
  readonly leastWidth?: number;
  /** The one between its convolutions; if left out, it is the block's. */
  readonly activation?: ActivationFunction;
  /** What makes gates of the excited channels; default `"sigmoid"`. */
  readonly gate?: ActivationFunction;
}

/** What is common to the blocks of a network. */
export interface MobileTrunk {
  readonly stemChannels: number;
  /** Side of the stem's convolution; default 3. */
  readonly stemKernel?: number;
  readonly activation: ActivationFunction;
  readonly padding: PaddingRule;
  /** Batch norm's epsilon. */
  readonly epsilon: number;
  readonly squeeze?: MobileSqueeze;
  /** What the learned scales of universal blocks and attentions begin at; if left out, there are none. */
  readonly layerScale?: number;
  /** What has the blocks' strides in place of their convolutions. */
  readonly antiAliasing?: AntiAliasing;
}

/** One block and where it stands. */
interface Place {
  readonly name: string;
  readonly dropPath: number;
  readonly block: MobileBlock;
  readonly activation: ActivationFunction;
}

/**
 * Appends stem and stages.
 *
 * @param operations The list to append to.
 * @param stages For each stage its blocks.
 * @param trunk What is common to them.
 * @returns The last block's output.
 */
export function mobileTrunk(
  operations: Operation[],
  stages: readonly (readonly MobileBlock[])[],
  trunk: MobileTrunk,
): Tensor {
  const { stemChannels, stemKernel = 3, padding, epsilon } = trunk;
  const stem = convolution(operations, image, "conv_stem", {
    outputChannels: stemChannels,
    kernel: stemKernel,
    stride: 2,
    padding,
  });
  let tensor = activation(operations, batchNorm(operations, stem, "bn1", epsilon), trunk.activation);
  const blocks = stages.reduce((sum, stage) => sum + stage.length, 0);
  let count = 0;
  let inDepth = false;
  stages.forEach((stage, stageIndex) => {
    stage.forEach((described, index) => {
      let block = described;
      const beginsDepth = block.spaceToDepth && !inDepth;
      if (beginsDepth) inDepth = true;
      else if (inDepth && block.stride === 2) {
        inDepth = false;
        block = { ...block, stride: 1, expansion: block.expansion / 4 };
      }
      if (inDepth) block = { ...block, channels: block.channels * 4, spaceToDepth: beginsDepth };
      const place: Place = {
        name: `blocks.${stageIndex}.${index}`,
        dropPath: count++ / blocks,
        block,
        activation: block.activation ?? trunk.activation,
      };
      tensor = BLOCKS[block.type](operations, tensor, place, trunk);
    });
  });
  return tensor;
}

type BuildBlock = (operations: Operation[], input: Tensor, place: Place, trunk: MobileTrunk) => Tensor;

const BLOCKS: Readonly<Record<MobileBlock["type"], BuildBlock>> = {
  convolution(operations, input, place, trunk) {
    const { name, block } = place;
    const tensor = strided(operations, input, place, trunk, {
      part: "conv",
      norm: "bn1",
      outputChannels: block.channels,
      kernel: block.kernel,
      groups: block.groupWidth ? input.channels / block.groupWidth : 1,
    });
    return residual(operations, tensor, input, name, place);
  },

  depthwiseSeparable(operations, input, place, trunk) {
    const { name, block } = place;
    const { tensor: image, ...window } = spaceToDepth(operations, input, place, trunk);
    let tensor = strided(operations, image, place, trunk, {
      part: "conv_dw",
      norm: "bn1",
      outputChannels: image.channels,
      ...window,
      groups: image.channels / (block.groupWidth ?? 1),
    });
    tensor = squeeze(operations, tensor, place, trunk);
    tensor = convolution(operations, tensor, `${name}.conv_pw`, { outputChannels: block.channels, kernel: 1 });
    tensor = batchNorm(operations, tensor, `${name}.bn2`, trunk.epsilon);
    if (block.activated) tensor = activation(operations, tensor, place.activation);
    return residual(operations, tensor, input, name, place);
  },

  invertedResidual(operations, input, place, trunk) {
    const { name, block } = place;
    const { tensor: image, ...window } = spaceToDepth(operations, input, place, trunk);
    const outputChannels = makeDivisible(image.channels * block.expansion, 8);
    let tensor = convolution(operations, image, `${name}.conv_pw`, { outputChannels, kernel: 1 });
    tensor = batchNorm(operations, tensor, `${name}.bn1`, trunk.epsilon);
    tensor = strided(operations, activation(operations, tensor, place.activation), place, trunk, {
      part: "conv_dw",
      norm: "bn2",
      outputChannels,
      ...window,
      groups: outputChannels / (block.groupWidth ?? 1),
    });
    tensor = squeeze(operations, tensor, place, trunk);
    tensor = convolution(operations, tensor, `${name}.conv_pwl`, { outputChannels: block.channels, kernel: 1 });
    tensor = batchNorm(operations, tensor, `${name}.bn3`, trunk.epsilon);
    return residual(operations, tensor, input, name, place);
  },

  fusedInvertedResidual(operations, input, place, trunk) {
    const { name, block } = place;
    const outputChannels = makeDivisible((block.expansionFrom ?? input.channels) * block.expansion, 8);
    let tensor = strided(operations, input, place, trunk, {
      part: "conv_exp",
      norm: "bn1",
      outputChannels,
      kernel: block.kernel,
      groups: block.groupWidth ? outputChannels / block.groupWidth : 1,
    });
    tensor = squeeze(operations, tensor, place, trunk);
    tensor = convolution(operations, tensor, `${name}.conv_pwl`, { outputChannels: block.channels, kernel: 1 });
    tensor = batchNorm(operations, tensor, `${name}.bn2`, trunk.epsilon);
    return residual(operations, tensor, input, name, place);
  },

  universalInvertedResidual(operations, input, place, trunk) {
    const { name, block, activation: activationFunction } = place;
    const { epsilon, padding } = trunk;
    /** The stride is the middle convolution's; without one the first's, and without that the last's. */
    const stridedPart = block.kernel ? "dw_mid" : block.startKernel ? "dw_start" : "dw_end";
    const depthwise = (tensor: Tensor, part: string, kernel: number, options: { activation?: ActivationFunction }) => {
      const stride = part === stridedPart ? block.stride : 1;
      const antiAliasing = stride > 1 ? trunk.antiAliasing : undefined;
      const convolved = convNormAct(operations, tensor, `${name}.${part}`, {
        outputChannels: tensor.channels,
        kernel,
        stride: antiAliasing ? 1 : stride,
        groups: tensor.channels,
        padding,
        epsilon,
        ...options,
      });
      return antiAliasing ? antiAliased(operations, convolved, `${name}.${part}.aa`, stride, antiAliasing) : convolved;
    };
    let tensor = input;
    if (block.startKernel) tensor = depthwise(tensor, "dw_start", block.startKernel, {});
    tensor = convNormAct(operations, tensor, `${name}.pw_exp`, {
      outputChannels: makeDivisible(input.channels * block.expansion, 8),
      kernel: 1,
      epsilon,
      activation: activationFunction,
    });
    if (block.kernel) tensor = depthwise(tensor, "dw_mid", block.kernel, { activation: activationFunction });
    tensor = squeeze(operations, tensor, place, trunk);
    tensor = convNormAct(operations, tensor, `${name}.pw_proj`, { outputChannels: block.channels, kernel: 1, epsilon });
    if (block.endKernel) tensor = depthwise(tensor, "dw_end", block.endKernel, {});
    return residual(operations, scaled(operations, tensor, name, trunk), input, name, place);
  },

  multiQueryAttention(operations, input, place, { epsilon, padding, ...trunk }) {
    const { name, block } = place;
    const { heads, headChannels, keyStride, kernel } = block;
    const normed = batchNorm(operations, input, `${name}.norm`, epsilon);
    const projected = (tensor: Tensor, part: string, outputChannels: number) =>
      convolution(operations, tensor, `${name}.attn.${part}.proj`, { outputChannels, kernel: 1 });
    const query = projected(normed, "query", heads * headChannels);
    /** A key or value, once for each head. */
    const shared = (part: string) => {
      let tensor = normed;
      if (keyStride > 1) {
        const module = `${name}.attn.${part}`;
        const options = {
          outputChannels: tensor.channels,
          kernel,
          stride: keyStride,
          groups: tensor.channels,
          padding,
        };
        tensor = convolution(operations, tensor, `${module}.down_conv`, options);
        tensor = batchNorm(operations, tensor, `${module}.norm`, epsilon);
      }
      const own = projected(tensor, part, headChannels);
      return concatenate(operations, new Array<Tensor>(heads).fill(own), `${name}.attn.${part}`);
    };
    const [key, value] = [shared("key"), shared("value")];
    const output = `${name}.attn.output`;
    operations.push({
      type: "attention",
      input: query.name,
      output,
      query: { tensor: query.name, offset: 0 },
      key: { tensor: key.name, offset: 0 },
      value: { tensor: value.name, offset: 0 },
      heads,
      headChannels,
      scale: headChannels ** -0.5,
    });
    const tensor = projected({ ...query, name: output }, "output", block.channels);
    return residual(operations, scaled(operations, tensor, name, trunk), input, name, place);
  },
};

/** The k x k convolution of a block with its norm and activation, and with the block's stride, or a mean that has it. */
function strided(
  operations: Operation[],
  input: Tensor,
  { name, block, activation: activationFunction }: Place,
  { padding, epsilon, antiAliasing }: MobileTrunk,
  { part, norm, ...options }: ConvolutionOptions & { readonly part: string; readonly norm: string },
): Tensor {
  const pools = block.stride > 1 && antiAliasing !== undefined;
  const stride = pools ? 1 : block.stride;
  const convolved = convolution(operations, input, `${name}.${part}`, { padding, ...options, stride });
  const tensor = activation(
    operations,
    batchNorm(operations, convolved, `${name}.${norm}`, epsilon),
    activationFunction,
  );
  return pools ? antiAliased(operations, tensor, `${name}.aa`, block.stride, antiAliasing) : tensor;
}

/** Where a space to depth begins, its 2x2 convolution; and the window that the depthwise convolution then has. */
function spaceToDepth(
  operations: Operation[],
  input: Tensor,
  { name, block, activation: activationFunction }: Place,
  { epsilon }: MobileTrunk,
): { tensor: Tensor; kernel: number; padding?: PaddingRule } {
  if (!block.spaceToDepth) return { tensor: input, kernel: block.kernel };
  const tensor = convolution(operations, input, `${name}.conv_s2d`, {
    outputChannels: input.channels * 4,
    kernel: 2,
    stride: 2,
    padding: "same",
  });
  const kernel = Math.floor((block.kernel + 1) / 2);
  return {
    tensor: activation(operations, batchNorm(operations, tensor, `${name}.bn_s2d`, epsilon), activationFunction),
    kernel,
    ...(kernel === 2 ? { padding: "same" } : {}),
  };
}

function squeeze(
  operations: Operation[],
  tensor: Tensor,
  { name, block, activation: activationFunction }: Place,
  { squeeze: options = {} }: MobileTrunk,
): Tensor {
  if (block.squeezeExcitation === 0) return tensor;
  const ofInput = options.of === "inside" ? block.squeezeExcitation : block.squeezeExcitation / block.expansion;
  const channels = tensor.channels * (block.spaceToDepth ? ofInput / 4 : ofInput);
  return squeezeExcitation(operations, tensor, `${name}.se`, {
    reduce: "conv_reduce",
    expand: "conv_expand",
    reducedChannels: options.leastWidth === undefined
      ? roundHalfToEven(channels)
      : makeDivisible(channels, 8, options.leastWidth),
    activation: options.activation ?? activationFunction,
    ...(options.gate ? { gate: options.gate } : {}),
  });
}

/** The learned scale that ends a block, where the network has such. */
function scaled(
  operations: Operation[],
  tensor: Tensor,
  name: string,
  { layerScale: initial }: Pick<MobileTrunk, "layerScale">,
) {
  return initial === undefined ? tensor : layerScale(operations, tensor, `${name}.layer_scale.gamma`, initial);
}

function residual(operations: Operation[], tensor: Tensor, input: Tensor, name: string, { block, dropPath }: Place) {
  const keepsShape = block.stride === 1 && input.channels === block.channels && !block.spaceToDepth;
  return block.residual && keepsShape ? add(operations, tensor, input, name, dropPath) : tensor;
}
