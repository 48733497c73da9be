/**
 * Single operations to race on.
 *
 * @module
 */

import {
  type ConvolutionOptions,
  type ConvolutionShape,
  convolutionShape,
  isDepthwise,
  outputPositions,
} from "../../kernels/operations/convolution/shape.ts";
import { convolutionReference } from "../../kernels/operations/convolution/reference.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";
import type { Goal } from "./heat.ts";

/** Kinds of operations. */
export const KINDS = ["matmul", "convolution", "depthwise"] as const;

/** An operation and what is asked of it. */
export interface SingleOperation {
  readonly name: string;
  /** A matrix product is a 1 x 1 convolution of as many positions as rows: one shape for all. */
  readonly shape: ConvolutionShape;
  readonly kind: (typeof KINDS)[number];
  readonly goal: Goal;
}

/** An operation's numbers. */
export interface SingleValues {
  /** `[N, H, W, C]`. */
  readonly input: Float32Array<ArrayBuffer>;
  /** `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** The result on the CPU, `[N, h, w, outputChannels]`. */
  readonly expected: Float64Array;
}

export const TFJS = "tfjs-webgpu";
export const JAX = "jax-js";
export const ONNXRUNTIME = "onnxruntime-web webgpu";

const ALL = [TFJS, JAX, ONNXRUNTIME];

/** All strides are 1; padding is "SAME". */
export function shapeOf(input: Shape, outputChannels: number, size: number, groups = 1): ConvolutionShape {
  const options: ConvolutionOptions = {
    outputChannels,
    kernel: [size, size],
    stride: [1, 1],
    padding: "same",
    groups,
  };
  return convolutionShape(input, options);
}

/** What the project promises to be fast at. */
export const SINGLE_OPERATIONS: readonly SingleOperation[] = [
  {
    name: "matmul 512 x 512 x 512",
    shape: shapeOf([1, 1, 512, 512], 512, 1),
    kind: "matmul",
    goal: { times: 3, peers: ALL },
  },
  {
    name: "conv 3x3, 4 x 28 x 28 x 64 -> 64",
    shape: shapeOf([4, 28, 28, 64], 64, 3),
    kind: "convolution",
    goal: { times: 3, peers: ALL },
  },
  {
    name: "conv 1x1, 4 x 28 x 28 x 192 -> 64",
    shape: shapeOf([4, 28, 28, 192], 64, 1),
    kind: "convolution",
    goal: { times: 3, peers: ALL },
  },
  {
    name: "depthwise 3x3, 4 x 56 x 56 x 96",
    shape: shapeOf([4, 56, 56, 96], 96, 3, 96),
    kind: "depthwise",
    goal: { times: 1.5, peers: [TFJS] },
  },
];

/** Terms of each sum. */
export function sumLength({ inputChannels, groups, kernel }: ConvolutionShape): number {
  return inputChannels / groups * kernel[0] * kernel[1];
}

/** Floating-point operations, 10^9: a product and a sum a term. */
export function gigaflops(shape: ConvolutionShape): number {
  return 2 * outputPositions(shape) * shape.outputChannels * sumLength(shape) / 1e9;
}

/**
 * Makes an operation's input and weights, and computes its result on the CPU.
 *
 * @param operation The operation.
 * @returns Numbers in [-1, 1), the same every time.
 */
export function singleValues({ shape }: SingleOperation): SingleValues {
  const { batch, input: [height, width], inputChannels, outputChannels } = shape;
  const input = Float32Array.from(randomValues(batch * height * width * inputChannels, 1));
  const weight = Float32Array.from(randomValues(outputChannels * sumLength(shape), 2));
  return { input, weight, expected: convolutionReference(shape, { input, weight }) };
}

/** What says how a weight is shaped. */
type WeightShape = Pick<ConvolutionShape, "kernel" | "inputChannels" | "outputChannels" | "groups">;

/** Reorders a weight `[kernelHeight, kernelWidth, I, O]` as `[O, I, kernelHeight, kernelWidth]`. */
export function weightChannelsFirst(
  { kernel, inputChannels, outputChannels }: WeightShape,
  weight: Float32Array,
): Float32Array<ArrayBuffer> {
  const taps = kernel[0] * kernel[1];
  const result = new Float32Array(weight.length);
  for (let tap = 0, from = 0; tap < taps; tap++) {
    for (let i = 0; i < inputChannels; i++) {
      for (let o = 0; o < outputChannels; o++) result[(o * inputChannels + i) * taps + tap] = weight[from++];
    }
  }
  return result;
}

/** Reorders a weight as `[kernelHeight, kernelWidth, inputChannels, outputChannels]`, or for depthwise `[..., C, 1]`. */
export function weightChannelsLast(
  { shape }: { shape: WeightShape },
  weight: Float32Array,
): Float32Array<ArrayBuffer> {
  const [inputs, outputs] = isDepthwise(shape) ? [shape.inputChannels, 1] : [shape.inputChannels, shape.outputChannels];
  const taps = shape.kernel[0] * shape.kernel[1];
  const result = new Float32Array(weight.length);
  for (let tap = 0, to = 0; tap < taps; tap++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        result[to++] = weight[(isDepthwise(shape) ? i : o * inputs + i) * taps + tap];
      }
    }
  }
  return result;
}
