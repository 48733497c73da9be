/**
 * Layers of networks that mix tokens: norms of channels, scales, gates, perceptrons, attention.
 *
 * As in `layers.ts`, each appends its operations to a list and returns the tensor it ends in, named after timm's module.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Attention } from "../operations/attention/rule.ts";
import type { Operation } from "../operations/mod.ts";
import { activation, convolution, linear, type Tensor } from "./layers.ts";

/** A norm of the channels of each position. */
export interface LayerNormOptions {
  /** What is added to the variance. */
  readonly epsilon: number;
  /** Whether there is a bias; default true. */
  readonly bias?: boolean;
}

/**
 * Appends a layer norm over the channels of each position.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of its module.
 * @param options Epsilon, whether there is a bias, and what the weight begins at, 1 if left out.
 * @returns The tensor that it writes.
 */
export function layerNorm(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: LayerNormOptions & { readonly initial?: number },
): Tensor {
  const { epsilon, bias = true, initial } = options;
  operations.push({
    type: "channelNorm",
    input: input.name,
    output: name,
    method: "layer",
    channels: input.channels,
    groups: 1,
    epsilon,
    weight: `${name}.weight`,
    ...(bias ? { bias: `${name}.bias` } : {}),
    ...(initial === undefined ? {} : { initial }),
  });
  return { ...input, name };
}

/**
 * Appends a group norm: of the channels of each group, over all positions of an image.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of its module.
 * @param options Number of groups, epsilon, and whether there is a bias.
 * @returns The tensor that it writes.
 */
export function groupNorm(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: LayerNormOptions & { readonly groups: number },
): Tensor {
  const { groups, epsilon, bias = true } = options;
  operations.push({
    type: "groupNorm",
    input: input.name,
    output: name,
    channels: input.channels,
    groups,
    epsilon,
    weight: `${name}.weight`,
    ...(bias ? { bias: `${name}.bias` } : {}),
  });
  return { ...input, name };
}

/**
 * Appends a learned scale of each channel.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param weight Name of the parameter, whose module names the output: `blocks.0.ls1.gamma`; or else, it itself.
 * @param initial What every weight begins at.
 * @returns The tensor that it writes.
 */
export function layerScale(operations: Operation[], input: Tensor, weight: string, initial: number): Tensor {
  const name = weight.endsWith(".gamma") ? weight.slice(0, -".gamma".length) : `${weight}.scaled`;
  const { channels } = input;
  operations.push({ type: "scale", input: input.name, output: name, channels, shape: [channels], weight, initial });
  return { ...input, name };
}

/**
 * Appends the product of two tensors of one shape.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param gate The tensor that it is multiplied by.
 * @param name Name of the product.
 * @returns The tensor that it writes.
 */
export function multiply(operations: Operation[], input: Tensor, gate: Tensor, name: string): Tensor {
  operations.push({ type: "multiply", input: input.name, gate: gate.name, output: name });
  return { ...input, name };
}

/**
 * Appends the channels of several tensors one after another.
 *
 * @param operations The list to append to.
 * @param inputs The tensors, of one height and width.
 * @param name Name of the result.
 * @returns The tensor that it writes.
 */
export function concatenate(operations: Operation[], inputs: readonly Tensor[], name: string): Tensor {
  const names = inputs.map((input) => input.name);
  operations.push({ type: "concatenate", input: names[0], inputs: names, output: name });
  return { ...inputs[0], name, channels: inputs.reduce((sum, { channels }) => sum + channels, 0) };
}

/**
 * Appends a run of a tensor's channels.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param first The first channel.
 * @param count How many channels.
 * @param name Name of the result.
 * @returns The tensor that it writes.
 */
export function takeChannels(
  operations: Operation[],
  input: Tensor,
  first: number,
  count: number,
  name: string,
): Tensor {
  operations.push({ type: "takeChannels", input: input.name, output: name, first, count });
  return { ...input, name, channels: count };
}

/**
 * Appends a tensor's multiple by a number that is not learned.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param factor The number, part of the kernel's text.
 * @returns Its output, named after its input.
 */
export function multiple(operations: Operation[], input: Tensor, factor: number): Tensor {
  return activation(operations, input, { name: "multiple", factor });
}

/**
 * Appends star ReLU, s relu(x)^2 + b with one s and one b for all channels.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of its module.
 * @returns The tensor that it writes.
 *
 * (Yu et al., "MetaFormer Baselines for Vision", 2024, equation 4; timm's `StarReLU`.)
 */
export function starRelu(operations: Operation[], input: Tensor, name: string): Tensor {
  const squared = activation(operations, input, "reluSquared");
  const parameters = { weight: `${name}.scale`, bias: `${name}.bias`, shape: [1] };
  operations.push({ type: "scale", input: squared.name, output: name, channels: input.channels, ...parameters });
  return { ...input, name };
}

/**
 * Appends timm's `Mlp`: `fc1`, an activation, `fc2`.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of its module.
 * @param options Channels and activation between the two layers, and whether these are 1 x 1 convolutions (timm's `ConvMlp`),
 * whose weights have two axes more; default false.
 * @returns The tensor that it writes, of as many channels as the input.
 */
export function multilayerPerceptron(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: {
    readonly hiddenChannels: number;
    readonly activation: ActivationFunction;
    readonly convolutions?: boolean;
  },
): Tensor {
  const layer = (tensor: Tensor, part: string, outputChannels: number) =>
    options.convolutions
      ? convolution(operations, tensor, `${name}.${part}`, { outputChannels, kernel: 1, bias: true })
      : linear(operations, tensor, `${name}.${part}`, { outputChannels });
  const hidden = activation(operations, layer(input, "fc1", options.hiddenChannels), options.activation);
  return layer(hidden, "fc2", input.channels);
}

/**
 * Appends the attention of all positions of each batch entry to each other: query, key and value are runs of one tensor,
 * in this order, each of all heads.
 *
 * @param operations The list to append to.
 * @param qkv The tensor that holds them.
 * @param name Name of the result.
 * @param headChannels Channels of a head.
 * @param options Bias, mask, and the scale of the products, default 1 / sqrt(headChannels).
 * @returns The tensor that it writes, of a third of the channels.
 */
export function selfAttention(
  operations: Operation[],
  qkv: Tensor,
  name: string,
  headChannels: number,
  options: Partial<Pick<Attention, "bias" | "mask" | "scale">> = {},
): Tensor {
  const channels = qkv.channels / 3;
  const run = (index: number) => ({ tensor: qkv.name, offset: index * channels });
  operations.push({
    type: "attention",
    input: qkv.name,
    output: name,
    query: run(0),
    key: run(1),
    value: run(2),
    heads: channels / headChannels,
    headChannels,
    scale: headChannels ** -0.5,
    ...options,
  });
  return { ...qkv, name, channels };
}

/**
 * Appends a move of blocks of positions into channels.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the result.
 * @param block Side of a block.
 * @param order Whether a block's positions follow each other by rows or by columns.
 * @returns The tensor that it writes, of `block` times `block` as many channels.
 */
export function spaceToDepth(
  operations: Operation[],
  input: Tensor,
  name: string,
  block: number,
  order: "rowFirst" | "columnFirst",
): Tensor {
  operations.push({ type: "spaceToDepth", input: input.name, output: name, block, order });
  return { name, channels: input.channels * block ** 2, stride: input.stride * block };
}
