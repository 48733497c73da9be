/**
 * The layers that networks are written in: each appends its operations to a list and returns the tensor it ends in.
 *
 * A tensor has the name of the module that computes it (`blocks.1.0.conv_pw`), which is also the prefix of that
 * module's parameters; an activation adds its function (`blocks.1.0.bn1.silu`). So every name in a plan can be found
 * in timm's `named_modules()`.
 *
 * @module
 */

import type { ClassifierLayer, Network } from "../operations/network.ts";
import { type ActivationFunction, activationName } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Standardisation } from "../operations/convolution/standardise.ts";
import type { PoolOptions } from "../operations/pool/kernels.ts";
import type { Padding } from "../operations/shared/window.ts";

/** A tensor of a network under construction. */
export interface Tensor {
  readonly name: string;
  readonly channels: number;
  /** The product of the strides from the image to here. */
  readonly stride: number;
}

/** How windows meet the border: timm's symmetric padding, TensorFlow's "SAME", or not at all. */
export type PaddingRule = "symmetric" | "same" | "none";

/** Weight of the batch in the running averages, PyTorch's default and timm's for all these networks. */
const momentum = 0.1;

/** The image that a network begins with, `[N, H, W, 3]`. */
export const image: Tensor = { name: "image", channels: 3, stride: 1 };

/** The feature map's mean over H and W. */
const POOLED = "pooled features";

/**
 * The padding of a square window.
 *
 * With stride 1 and an odd side "SAME" is symmetric, whatever the image size; only elsewhere do the rules differ.
 *
 * @param rule The network's rule.
 * @param kernel Side of the window.
 * @param stride Stride of the window.
 * @returns The padding of the operation.
 */
export function paddingOf(rule: PaddingRule, kernel: number, stride: number): Padding {
  if (rule === "same" && kernel > 1 && (stride > 1 || kernel % 2 === 0)) return "same";
  const side = rule === "none" ? 0 : Math.floor((stride + kernel - 2) / 2);
  return [side, side];
}

/** What a convolution is, besides its name and its input; square windows. */
export interface ConvolutionOptions {
  readonly outputChannels: number;
  readonly kernel: number;
  /** Stride; default 1. */
  readonly stride?: number;
  /** Groups of channels; default 1. */
  readonly groups?: number;
  /** Rule of the padding, or how much there is on each side; default `"symmetric"`. */
  readonly padding?: PaddingRule | number;
  /** Whether there is a bias; default false, since batch norm usually follows. */
  readonly bias?: boolean;
  /** How the weights are standardised, where they are. */
  readonly standardised?: Standardisation;
}

/**
 * Appends a convolution.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Its module, `${name}.weight` being its weight.
 * @param options Output channels, kernel, stride, groups, padding and bias.
 * @returns The tensor that it writes.
 */
export function convolution(operations: Operation[], input: Tensor, name: string, options: ConvolutionOptions): Tensor {
  const { outputChannels, kernel, stride = 1, groups = 1, padding = "symmetric", bias = false, standardised } = options;
  operations.push({
    type: "convolution",
    input: input.name,
    output: name,
    weight: `${name}.weight`,
    ...(bias ? { bias: `${name}.bias` } : {}),
    inputChannels: input.channels,
    outputChannels,
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: typeof padding === "number" ? [padding, padding] : paddingOf(padding, kernel, stride),
    groups,
    ...(standardised ? { standardised } : {}),
  });
  return { name, channels: outputChannels, stride: input.stride * stride };
}

/**
 * Appends a batch normalisation.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the module.
 * @param epsilon What is added to the variance.
 * @returns The tensor that it writes.
 */
export function batchNorm(operations: Operation[], input: Tensor, name: string, epsilon: number): Tensor {
  operations.push({
    type: "batchNorm",
    input: input.name,
    output: name,
    parameters: name,
    channels: input.channels,
    epsilon,
    momentum,
  });
  return { ...input, name };
}

/**
 * Appends an elementwise function.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param activationFunction The function.
 * @returns Its output, named after its input and the function.
 */
export function activation(
  operations: Operation[],
  input: Tensor,
  activationFunction: ActivationFunction,
): Tensor {
  const name = `${input.name}.${activationName(activationFunction)}`;
  operations.push({ type: "activation", input: input.name, output: name, function: activationFunction });
  return { ...input, name };
}

/**
 * Appends the sum of a block and its shortcut.
 *
 * @param operations The list to append to.
 * @param input The block's last tensor.
 * @param residual The shortcut, of as many channels or fewer.
 * @param name Name of the sum.
 * @param dropPath The block's share of the drop path rate, 0 to 1.
 * @returns The sum.
 */
export function add(
  operations: Operation[],
  input: Tensor,
  residual: Tensor,
  name: string,
  dropPath: number,
): Tensor {
  operations.push({
    type: "add",
    input: input.name,
    residual: residual.name,
    output: name,
    ...(dropPath > 0 ? { dropPath } : {}),
  });
  return { ...input, name };
}

/**
 * Appends a convolution with batch norm and, where there is one, an activation: timm's `ConvNormAct`.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the module, `${name}.conv` and `${name}.bn` being its parts.
 * @param options The convolution, batch norm's epsilon (default 1e-5) and the activation.
 * @returns The tensor that it ends in.
 */
export function convNormAct(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: ConvolutionOptions & { readonly epsilon?: number; readonly activation?: ActivationFunction },
): Tensor {
  const { epsilon = 1e-5, activation: activationFunction } = options;
  const convolved = convolution(operations, input, `${name}.conv`, options);
  const normed = batchNorm(operations, convolved, `${name}.bn`, epsilon);
  return activationFunction ? activation(operations, normed, activationFunction) : normed;
}

/**
 * Appends a pooling over windows.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the module.
 * @param options Mode, sides of the square window, stride and padding, and how the border counts.
 * @returns The tensor that it writes.
 */
export function pool(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: Pick<PoolOptions, "mode" | "ceilMode" | "countPadding" | "zeroPadding"> & {
    readonly kernel: number;
    readonly stride: number;
    readonly padding?: number | "same";
  },
): Tensor {
  const { kernel, stride, padding = 0, ...rest } = options;
  operations.push({
    type: "pool",
    input: input.name,
    output: name,
    ...rest,
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: padding === "same" ? padding : [padding, padding],
  });
  return { ...input, name, stride: input.stride * stride };
}

/**
 * Appends the mean over windows of 2 x 2 before the 1x1 convolution of a shortcut, as in ResNet-D; nothing where the
 * shortcut is not strided.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the module.
 * @param stride Stride of the shortcut, 1 or 2.
 * @returns The tensor that the convolution reads.
 */
export function shortcutPool(operations: Operation[], input: Tensor, name: string, stride: number): Tensor {
  if (stride === 1) return input;
  return pool(operations, input, name, { mode: "average", kernel: 2, stride, ceilMode: true, countPadding: false });
}

/** What has a stride in place of a convolution: the mean over windows as large as it, or a blur of 3 x 3 at a border that is reflected or zero. */
export type AntiAliasing = "average" | "blur" | "zeroPaddedBlur";

/**
 * Appends what has the stride in place of a convolution before it.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Name of the module.
 * @param stride The stride.
 * @param antiAliasing A mean or a blur.
 * @returns The tensor that it writes.
 */
export function antiAliased(
  operations: Operation[],
  input: Tensor,
  name: string,
  stride: number,
  antiAliasing: AntiAliasing,
): Tensor {
  if (antiAliasing === "average") return pool(operations, input, name, { mode: "average", kernel: stride, stride });
  operations.push({
    type: "blurPool",
    input: input.name,
    output: name,
    stride: [stride, stride],
    padding: antiAliasing === "blur" ? "reflect" : "zeros",
  });
  return { ...input, name, stride: input.stride * stride };
}

/**
 * Appends efficient channel attention: the means over the image, through a convolution along the channels and a sigmoid,
 * scale them.
 *
 * @param operations The list to append to.
 * @param input The tensor that is scaled.
 * @param name Name of the module.
 * @returns The scaled tensor.
 *
 * (Wang et al., "ECA-Net", 2020, equation 12 for the kernel.)
 */
export function channelAttention(operations: Operation[], input: Tensor, name: string): Tensor {
  const taps = Math.floor((Math.log2(input.channels) + 1) / 2);
  const mean: Tensor = { ...input, name: `${name}.mean` };
  operations.push({ type: "globalAveragePool", input: input.name, output: mean.name });
  const convolved: Tensor = { ...mean, name: `${name}.conv` };
  operations.push({
    type: "channelConvolution",
    input: mean.name,
    output: convolved.name,
    parameter: `${convolved.name}.weight`,
    kernel: Math.max(taps % 2 === 1 ? taps : taps + 1, 3),
  });
  const gate = activation(operations, convolved, "sigmoid");
  operations.push({ type: "multiply", input: input.name, gate: gate.name, output: name });
  return { ...input, name };
}

/** A squeeze-and-excitation, whose two convolutions EfficientNet and ReXNet name differently. */
export interface SqueezeExcitationOptions {
  /** Names of the two 1x1 convolutions within the module. */
  readonly reduce: string;
  readonly expand: string;
  readonly reducedChannels: number;
  readonly activation: ActivationFunction;
  /** A batch norm after the first convolution (ReXNet). */
  readonly norm?: { readonly name: string; readonly epsilon: number };
  /** What makes a gate of the result; default `"sigmoid"`. */
  readonly gate?: ActivationFunction;
}

/**
 * Appends a squeeze-and-excitation: the mean over the image, through a bottleneck and a gate, scales the channels.
 *
 * @param operations The list to append to.
 * @param input The tensor that is scaled.
 * @param name Name of the module.
 * @param options Names of its two convolutions, channels and activation between them.
 * @returns The scaled tensor.
 */
export function squeezeExcitation(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: SqueezeExcitationOptions,
): Tensor {
  const { reduce, expand, reducedChannels, norm } = options;
  const squeezed: Tensor = { ...input, name: `${name}.mean` };
  operations.push({ type: "globalAveragePool", input: input.name, output: squeezed.name });
  let reduced = convolution(operations, squeezed, `${name}.${reduce}`, {
    outputChannels: reducedChannels,
    kernel: 1,
    bias: true,
  });
  if (norm) reduced = batchNorm(operations, reduced, `${name}.${norm.name}`, norm.epsilon);
  const expanded = convolution(
    operations,
    activation(operations, reduced, options.activation),
    `${name}.${expand}`,
    { outputChannels: input.channels, kernel: 1, bias: true },
  );
  const gate = activation(operations, expanded, options.gate ?? "sigmoid");
  operations.push({ type: "multiply", input: input.name, gate: gate.name, output: name });
  return { ...input, name };
}

/**
 * Appends a linear layer over the channels of every position.
 *
 * @param operations The list to append to.
 * @param input The tensor it reads.
 * @param name Its module, `${name}.weight` being its weight.
 * @param options `outputChannels`; whether there is a `bias`, which there is by default; the `output`'s name, default its
 * module's; whether the weight `decays`, as it does by default.
 * @returns The tensor that it writes.
 */
export function linear(
  operations: Operation[],
  input: Tensor,
  name: string,
  { outputChannels, bias = true, output = name, decays = true }: {
    outputChannels: number;
    bias?: boolean;
    output?: string;
    decays?: boolean;
  },
): Tensor {
  operations.push({
    type: "linear",
    input: input.name,
    output,
    weight: `${name}.weight`,
    ...(bias ? { bias: `${name}.bias` } : {}),
    inputChannels: input.channels,
    outputChannels,
    ...(decays ? {} : { decays }),
  });
  return { ...input, name: output, channels: outputChannels };
}

/**
 * The heads of layers that stand behind an average pool over the feature map: a label map has them in each cell.
 *
 * @param features The feature map.
 * @param append Appends the layers, and returns the logits.
 * @returns Both heads.
 */
export function averagePooledHeads(
  features: Tensor,
  append: (operations: Operation[], input: Tensor) => Tensor,
): Pick<Network, "dense" | "pooled"> {
  const cells: Operation[] = [];
  const image: Operation[] = [{ type: "globalAveragePool", input: features.name, output: POOLED }];
  return {
    dense: { output: append(cells, features).name, operations: cells },
    pooled: { output: append(image, { ...features, name: POOLED }).name, operations: image },
  };
}

/**
 * Ends a network with an average pool and a linear classifier.
 *
 * @param name The architecture's name.
 * @param operations The operations from {@linkcode image} to the feature map.
 * @param features The feature map.
 * @param classifier The classifier's module and number of classes.
 * @param initialisation The rule of its family.
 * @returns The network.
 */
export function finish(
  name: string,
  operations: readonly Operation[],
  features: Tensor,
  classifier: { readonly name: string; readonly classes: number },
  initialisation: Network["initialisation"],
): Network {
  const options = { outputChannels: classifier.classes, output: "logits" };
  return finishWithHeads({
    name,
    operations,
    features,
    ...averagePooledHeads(features, (head, input) => linear(head, input, classifier.name, options)),
    classifier: classifierLayer(classifier.name, features.channels, classifier.classes),
    initialisation,
  });
}

/**
 * Describes the linear layer that gives the classes.
 *
 * @param name Its module, `${name}.weight` being its weight.
 * @param inputChannels Channels that it reads.
 * @param classes Number of classes.
 * @param bias Whether it has a bias.
 * @returns The description.
 */
export function classifierLayer(name: string, inputChannels: number, classes: number, bias = true): ClassifierLayer {
  return {
    weight: `${name}.weight`,
    ...(bias ? { bias: `${name}.bias` } : {}),
    inputChannels,
    outputChannels: classes,
  };
}

/**
 * Ends a network with heads of its own.
 *
 * @param network Its name, trunk, feature map, heads, and the description of its last linear layer.
 * @returns The network.
 */
export function finishWithHeads(
  network: Omit<Network, "input" | "features" | "stride"> & { readonly features: Tensor },
): Network {
  const { features } = network;
  return { ...network, input: image.name, features: features.name, stride: features.stride };
}
