/**
 * What a convolution is once sizes are known.
 *
 * @module
 */

import type { ActivationFunction } from "../activation/functions/mod.ts";
import { type Padding, type Pair, windowAxis } from "../shared/window.ts";
import type { Shape } from "../shared/tensor.ts";

/** A convolution's own numbers, without names. */
export interface ConvolutionOptions {
  readonly outputChannels: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly groups: number;
}

/** A convolution on inputs of one shape. */
export interface ConvolutionShape extends Omit<ConvolutionOptions, "padding"> {
  readonly batch: number;
  /** Height and width of the input. */
  readonly input: Pair;
  readonly inputChannels: number;
  /** Height and width of the output. */
  readonly output: Pair;
  /** Zeros above and to the left of the input; a negative number leaves so many of its rows or columns out. */
  readonly before: Pair;
}

/** Where output positions stand in a larger tensor: (y, x) at `first + step (y, x)`. What is between them is left alone. */
export interface Spread {
  readonly first: Pair;
  readonly step: Pair;
  /** Height and width of the larger tensor. */
  readonly size: Pair;
}

/**
 * What happens to what is summed, to a sum before it is stored, `activation(sum + bias + residual)`, and where it is stored.
 */
export interface Epilogue {
  /** Whether the input is multiplied by a gate for each channel of an image, `[N, 1, 1, C]`. */
  readonly gated?: boolean;
  readonly activation?: ActivationFunction;
  /** Channels of the residual, at most the output's; the missing ones count as zero. */
  readonly residualChannels?: number;
  /** Whether mean and M2 of runs of all positions are stored besides. */
  readonly moments?: boolean;
  /** Whether sums over runs of each image's positions are stored besides. */
  readonly positionSums?: boolean;
  readonly spread?: Spread;
}

/**
 * Fits a convolution to an input.
 *
 * @param input `[N, H, W, C]`.
 * @param options The convolution.
 * @returns The convolution with its shapes.
 * @throws {RangeError} If the window does not fit.
 * @throws {TypeError} If the channels do not divide into the groups.
 */
export function convolutionShape(input: Shape, options: ConvolutionOptions): ConvolutionShape {
  const [batch, height, width, inputChannels] = input;
  const { outputChannels, kernel, stride, padding, groups } = options;
  if (inputChannels % groups !== 0 || outputChannels % groups !== 0) {
    throw new TypeError(
      `Cannot convolve ${inputChannels} to ${outputChannels} channels in ${groups} groups: not divisible`,
    );
  }
  const axis = (index: 0 | 1) =>
    windowAxis({
      input: input[1 + index],
      kernel: kernel[index],
      stride: stride[index],
      padding: padding === "same" ? "same" : padding[index],
    });
  const [y, x] = [axis(0), axis(1)];
  return {
    batch,
    input: [height, width],
    inputChannels,
    outputChannels,
    output: [y.output, x.output],
    before: [y.before, x.before],
    kernel,
    stride,
    groups,
  };
}

/** The shape of a convolution's output. */
export function outputShape(shape: ConvolutionShape): Shape {
  return [shape.batch, ...shape.output, shape.outputChannels];
}

/** Positions of the output, all images together. */
export function outputPositions({ batch, output }: ConvolutionShape): number {
  return batch * output[0] * output[1];
}

/** Whether every output position reads just the input position of the same number: a matrix product. */
export function isPointwise({ kernel, stride, before, groups, input, output }: ConvolutionShape): boolean {
  return [...kernel, ...stride, groups].every((value) => value === 1) &&
    [0, 1].every((axis) => before[axis] === 0 && input[axis] === output[axis]);
}

/** Whether every channel is convolved by itself. */
export function isDepthwise(
  { groups, inputChannels, outputChannels }: Pick<ConvolutionShape, "groups" | "inputChannels" | "outputChannels">,
): boolean {
  return groups > 1 && groups === inputChannels && groups === outputChannels;
}

/** Groups taken together so that their channels fill vectors and tiles. */
export interface MergedGroups {
  readonly count: number;
  /** Input and output channels of one. */
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/**
 * Takes groups together until input channels are a multiple of 4 and output channels of `tile`; where the groups do not
 * divide so, all become one. Weights between channels of different groups are zero.
 *
 * @param shape The convolution.
 * @param tile Output channels that a kernel computes together.
 * @returns The merged groups.
 */
export function mergeGroups({ groups, inputChannels, outputChannels }: ConvolutionShape, tile: number): MergedGroups {
  const input = inputChannels / groups;
  const output = outputChannels / groups;
  let merged = 1;
  while (merged < groups && ((merged * input) % 4 !== 0 || (merged * output) % tile !== 0 || groups % merged !== 0)) {
    merged++;
  }
  return { count: groups / merged, inputChannels: merged * input, outputChannels: merged * output };
}
