/**
 * Gradients of a convolution to race on. What they are the gradient of, dL/dy, is given, and is not constant.
 *
 * @module
 */

import {
  convolutionFilterGradientReference,
  convolutionInputGradientReference,
} from "../../kernels/operations/convolution/gradient_reference.ts";
import { type ConvolutionShape, outputPositions } from "../../kernels/operations/convolution/shape.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";
import type { Goal } from "./heat.ts";
import { JAX, shapeOf, sumLength, TFJS } from "./single.ts";

/** A gradient and what is asked of it. */
export interface GradientOperation {
  readonly name: string;
  readonly shape: ConvolutionShape;
  /** With respect to what. */
  readonly of: "filter" | "input";
  readonly goals: readonly Goal[];
}

/** A gradient's numbers. */
export interface GradientValues {
  /** `[N, H, W, C]`. */
  readonly input: Float32Array<ArrayBuffer>;
  /** `[O, I, kernelHeight, kernelWidth]`. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** `[N, h, w, O]`. */
  readonly outputGradient: Float32Array<ArrayBuffer>;
  /** The gradient on the CPU, in the order of `weight` or of `input`. */
  readonly expected: Float64Array;
}

const shape = shapeOf([4, 28, 28, 64], 64, 3);

/** What the project promises to be fast at. */
export const GRADIENTS: readonly GradientOperation[] = [
  {
    name: "filter gradient of conv 3x3, 4 x 28 x 28 x 64 -> 64",
    shape,
    of: "filter",
    goals: [{ times: 1.5, peers: [JAX] }, { times: 10, peers: [TFJS] }],
  },
  {
    name: "input gradient of conv 3x3, 4 x 28 x 28 x 64 -> 64",
    shape,
    of: "input",
    goals: [{ times: 2, peers: [TFJS, JAX] }],
  },
];

/**
 * Makes a gradient's inputs, and computes it on the CPU.
 *
 * @param operation The gradient.
 * @returns Numbers in [-1, 1), the same every time.
 */
export function gradientValues({ shape, of }: GradientOperation): GradientValues {
  const { batch, input: [height, width], inputChannels, outputChannels } = shape;
  const input = Float32Array.from(randomValues(batch * height * width * inputChannels, 1));
  const weight = Float32Array.from(randomValues(outputChannels * sumLength(shape), 2));
  const outputGradient = Float32Array.from(randomValues(outputPositions(shape) * outputChannels, 3));
  const expected = of === "filter"
    ? convolutionFilterGradientReference(input, outputGradient, shape).filter
    : convolutionInputGradientReference(outputGradient, weight, shape);
  return { input, weight, outputGradient, expected };
}
