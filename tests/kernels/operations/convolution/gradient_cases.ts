/**
 * Convolutions whose gradients are tested: every kind, on odd shapes.
 *
 * @module
 */

import {
  type ConvolutionOptions,
  type ConvolutionShape,
  convolutionShape,
  outputPositions,
} from "../../../../kernels/operations/convolution/shape.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tensors.ts";

/** A convolution with a name. */
export interface GradientCase {
  readonly what: string;
  readonly input: Shape;
  readonly options: ConvolutionOptions;
  readonly shape: ConvolutionShape;
}

function gradientCase(
  what: string,
  input: Shape,
  outputChannels: number,
  kernel: number | readonly [number, number],
  { stride = 1, padding = "same", groups = 1 }: {
    stride?: number | readonly [number, number];
    padding?: number | "same";
    groups?: number;
  } = {},
): GradientCase {
  const pair = (value: number | readonly [number, number]) =>
    typeof value === "number" ? [value, value] as const : value;
  const options: ConvolutionOptions = {
    outputChannels,
    kernel: pair(kernel),
    stride: pair(stride),
    padding: padding === "same" ? padding : pair(padding),
    groups,
  };
  return { what, input, options, shape: convolutionShape(input, options) };
}

/** Every kind of convolution, stride, padding and group. */
export const GRADIENT_CASES: readonly GradientCase[] = [
  gradientCase("1x1", [2, 7, 5, 24], 40, 1),
  gradientCase("1x1 of channels for all lanes", [3, 7, 5, 30], 62, 1),
  gradientCase("1x1 with 40 to 8 channels and stride 2", [1, 6, 5, 40], 8, 1, { stride: 2, padding: 0 }),
  gradientCase("1x1 with odd channels", [1, 11, 13, 7], 17, 1),
  gradientCase("1x1 with stride 2 on an even size", [1, 8, 10, 12], 21, 1, { stride: 2, padding: 0 }),
  gradientCase("1x1 with stride 2 on an odd size", [2, 9, 7, 5], 6, 1, { stride: 2, padding: 0 }),
  gradientCase("1x1 on one position", [3, 1, 1, 10], 6, 1),
  gradientCase("3x3", [2, 11, 7, 16], 32, 3, { padding: 1 }),
  gradientCase("3x3 without padding", [1, 7, 6, 9], 13, 3, { padding: 0 }),
  gradientCase("3x3 with more padding than its kernel needs", [1, 4, 5, 5], 6, 3, { padding: 4 }),
  gradientCase("3x3 of 70 to 67 channels", [1, 5, 6, 70], 67, 3, { padding: 1 }),
  gradientCase("3x3 with stride 2 and symmetric padding", [2, 8, 9, 11], 10, 3, { stride: 2, padding: 1 }),
  gradientCase("3x3 with 8 to 20 channels and stride 2", [1, 6, 7, 8], 20, 3, { stride: 2, padding: 1 }),
  gradientCase("3x3 with stride 2 without padding", [1, 8, 7, 6], 9, 3, { stride: 2, padding: 0 }),
  gradientCase("3x3 stem with same padding", [1, 23, 18, 3], 10, 3, { stride: 2 }),
  gradientCase("3x3 with stride 3, whose windows miss nothing but the edge", [1, 11, 10, 4], 5, 3, {
    stride: 3,
    padding: 1,
  }),
  gradientCase("2x3 with stride 3 by 2, whose windows miss rows", [1, 11, 10, 4], 5, [2, 3], {
    stride: [3, 2],
    padding: 0,
  }),
  gradientCase("3x3 with stride 2, whose weights exceed a window", [1, 6, 7, 5], 301, 3, { stride: 2, padding: 1 }),
  gradientCase("5x5 with stride 2, whose phases have 3 taps on rows of strips", [1, 6, 16, 6], 9, 5, {
    stride: 2,
    padding: 2,
  }),
  gradientCase("7x7 stem", [1, 29, 31, 3], 19, 7, { stride: 2, padding: 3 }),
  gradientCase("9x8, wider than a tile", [1, 11, 12, 3], 5, [9, 8], { stride: 2, padding: 4 }),
  gradientCase("groups of 8", [2, 9, 7, 64], 64, 3, { stride: 2, padding: 1, groups: 8 }),
  gradientCase("groups of 3 to 5", [1, 6, 7, 15], 25, 3, { padding: 1, groups: 5 }),
  gradientCase("groups of 4 to 4", [1, 6, 5, 128], 128, 3, { padding: 1, groups: 32 }),
  gradientCase("groups of 1 to 2", [1, 5, 6, 6], 12, 3, { padding: 1, groups: 6 }),
  gradientCase("groups of 24 to 24", [1, 4, 5, 96], 96, 3, { padding: 1, groups: 4 }),
  gradientCase("depthwise 3x3", [2, 11, 13, 21], 21, 3, { groups: 21 }),
  gradientCase("depthwise 5x5 with stride", [1, 17, 14, 10], 10, 5, { stride: 2, groups: 10 }),
  gradientCase("depthwise 3x3 with stride 2 and symmetric padding", [1, 8, 9, 4], 4, 3, {
    stride: 2,
    padding: 1,
    groups: 4,
  }),
  gradientCase("depthwise 7x7", [1, 9, 8, 6], 6, 7, { groups: 6 }),
];

/** The case's input, weights and output gradient, channels not padded, each value exact in f16. */
export function gradientValues(
  shape: ConvolutionShape,
): { input: number[]; weight: number[]; outputGradient: number[] } {
  const { batch, input, inputChannels, outputChannels, kernel, groups } = shape;
  return {
    input: randomValues(batch * input[0] * input[1] * inputChannels, 1),
    weight: randomValues(outputChannels * inputChannels / groups * kernel[0] * kernel[1], 2),
    outputGradient: randomValues(outputPositions(shape) * outputChannels, 3),
  };
}
