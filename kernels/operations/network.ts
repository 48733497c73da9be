/**
 * A network as data: a list of operations on named tensors.
 *
 * Nothing here runs. {@linkcode Network} is what `kernels/networks/` builds, what the plan binds to a batch and an
 * image size, and what a training plan is derived from: batch norm, activation and residual stand here as operations
 * of their own, so that each can state its gradient; an inference plan fuses them.
 *
 * Tensors are `[N, H, W, C]`. Parameters are named and shaped as timm's (PyTorch's axis order): a convolution's weight
 * is `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`, a linear's `[outputChannels, inputChannels]`.
 *
 * @module
 */

import type { Padding, Pair } from "./shared/window.ts";

/** `silu(x) = x * sigmoid(x)`, `relu6(x) = min(max(x, 0), 6)`. */
export type ActivationFunction = "relu" | "relu6" | "silu" | "sigmoid";

/** A convolution; `groups === inputChannels === outputChannels` is a depthwise one. */
export interface Convolution {
  readonly type: "convolution";
  readonly input: string;
  readonly output: string;
  /** Name of the weight parameter. */
  readonly weight: string;
  /** Name of the bias parameter, where there is one. */
  readonly bias?: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly groups: number;
}

/** Batch normalisation over N, H, W; the four parameters are `[C]`. */
export interface BatchNorm {
  readonly type: "batchNorm";
  readonly input: string;
  readonly output: string;
  /** Parameters are `${parameters}.weight`, `.bias`, `.running_mean`, `.running_var`. */
  readonly parameters: string;
  readonly channels: number;
  readonly epsilon: number;
  /** PyTorch's: weight of the batch in the running averages. */
  readonly momentum: number;
}

/** An elementwise function. */
export interface Activation {
  readonly type: "activation";
  readonly input: string;
  readonly output: string;
  readonly function: ActivationFunction;
}

/** The residual sum. `residual` may have fewer channels than `input`; the missing ones count as zero (ReXNet). */
export interface Add {
  readonly type: "add";
  readonly input: string;
  readonly residual: string;
  readonly output: string;
  /** The share of the drop path rate with which training drops `input`, above 0 and up to 1; none if left out. */
  readonly dropPath?: number;
}

/** Squeeze-and-excitation's product: `input` `[N, H, W, C]` times `gate` `[N, 1, 1, C]`. */
export interface Multiply {
  readonly type: "multiply";
  readonly input: string;
  readonly gate: string;
  readonly output: string;
}

/** Pooling over windows. Padding is minus infinity for `max`; `average` counts padding as zeros unless `countPadding` is false. */
export interface Pool {
  readonly type: "pool";
  readonly mode: "max" | "average";
  readonly input: string;
  readonly output: string;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  /** Round the output size up (PyTorch's `ceil_mode`); default false. */
  readonly ceilMode?: boolean;
  /** PyTorch's `count_include_pad`; default true. */
  readonly countPadding?: boolean;
}

/** Mean over H and W: `[N, H, W, C]` to `[N, 1, 1, C]`. */
export interface GlobalAveragePool {
  readonly type: "globalAveragePool";
  readonly input: string;
  readonly output: string;
}

/** A matrix product over the channels of every position: `output[n, y, x, :] = weight * input[n, y, x, :] + bias`. */
export interface Linear {
  readonly type: "linear";
  readonly input: string;
  readonly output: string;
  readonly weight: string;
  readonly bias?: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
}

export type Operation =
  | Convolution
  | BatchNorm
  | Activation
  | Add
  | Multiply
  | Pool
  | GlobalAveragePool
  | Linear;

/** A network up to its feature map, and the linear classifier that follows. */
export interface Network {
  /** timm's name of the architecture. */
  readonly name: string;
  /** Name of the input tensor, `[N, H, W, 3]`, normalised. */
  readonly input: string;
  /** In order of computation, up to the feature map. */
  readonly operations: readonly Operation[];
  /** Name of the feature map `[N, h, w, F]`: what the global pooling of a classifier takes. */
  readonly features: string;
  /**
   * The classifier. On the feature map it gives the dense logits `[N, h, w, classes]` of a label map, on the pooled
   * feature map those of a classifier.
   */
  readonly classifier: Linear;
  /** The product of all strides: `h = ceil(H / stride)` or nearly. */
  readonly stride: number;
  /** Whose rule the parameters to begin training with are drawn by: those of ResNets, small ones, or EfficientNet. */
  readonly initialisation: "resnet" | "smallResnet" | "efficientnet";
}

/** Parameters by name, as a weight file holds them. */
export type Parameters = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
