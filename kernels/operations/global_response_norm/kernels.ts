/**
 * Global response normalisation: channels compete by how strongly an image excites them. With G_c the length of channel c
 * of an image, over its H W positions,
 *
 *     n_c = G_c / (mean(G) + epsilon), y = x + weight x n + bias = x (1 + weight n) + bias.
 *
 * A first kernel finds G, f32 `[N, C]`, a second D = 1 / (mean(G) + epsilon) of each image, f32 `[N]`, and a third goes over
 * the tensor. G and D are kept for the gradient.
 *
 * (Woo et al., "ConvNeXt V2", 2023, section 3.2; timm's `GlobalResponseNorm`.)
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { imageRuns } from "../shared/by_channel.ts";
import { positionWalks } from "../shared/by_position.ts";
import { positionSums } from "../shared/position_sums.ts";
import { itemKernel, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** Lengths of an image's channels, G, and D. */
export function responsesOf(
  input: ArrayLike<number>,
  [batch, height, width, channels]: Shape,
  epsilon: number,
): { lengths: Float64Array; inverses: Float64Array } {
  const lengths = new Float64Array(batch * channels);
  for (let index = 0; index < input.length; index++) {
    const image = Math.floor(index / (height * width * channels));
    lengths[image * channels + index % channels] += input[index] ** 2;
  }
  lengths.forEach((squares, index) => lengths[index] = Math.sqrt(squares));
  const inverses = Float64Array.from({ length: batch }, (_, image) => {
    const own = lengths.subarray(image * channels, (image + 1) * channels);
    return 1 / (own.reduce((sum, length) => sum + length, 0) / channels + epsilon);
  });
  return { lengths, inverses };
}

/**
 * The norm on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param norm `shape` of the input, epsilon, `weight` and `bias` `[C]`.
 * @returns The output, of the input's shape.
 */
export function globalResponseNormReference(
  input: ArrayLike<number>,
  { shape, epsilon, weight, bias }: {
    readonly shape: Shape;
    readonly epsilon: number;
    readonly weight: ArrayLike<number>;
    readonly bias: ArrayLike<number>;
  },
): Float64Array {
  const [, height, width, channels] = shape;
  const { lengths, inverses } = responsesOf(input, shape, epsilon);
  return Float64Array.from(input, (value, index) => {
    const image = Math.floor(index / (height * width * channels));
    const channel = index % channels;
    const response = lengths[image * channels + channel] * inverses[image];
    return value + weight[channel] * value * response + bias[channel];
  });
}

/**
 * The length of each channel.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `lengths`, f32 `[N, C]`, C padded.
 */
export function responseLengthsKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const reads = readTensors({ input: storage }, profile);
  const value = reads.load("input", "at");
  return positionSums({
    name: `global response lengths ${storage}`,
    shape,
    profile,
    reads,
    output: { name: "lengths", type: "vec4<f32>" },
    term: `${value} * ${value}`,
    result: "sqrt(sum)",
  });
}

/**
 * The inverse of the mean length.
 *
 * @param options `shape` of the input, and epsilon.
 * @returns A kernel with the bindings `lengths` (a texture in the software profile) and `inverses`, f32 `[N]`.
 */
export function responseInversesKernel(
  options: { shape: Shape; epsilon: number; profile: Target["profile"] },
): Kernel {
  const { shape, epsilon, profile } = options;
  const reads = readTensors({ lengths: "f32" }, profile);
  return positionWalks({
    name: "global response inverses",
    shape: [shape[0], 1, 1, shape[3]],
    profile,
    bindings: { ...reads.bindings, inverses: "f32" },
    parameters: [{ name: "epsilon", type: "f32", value: epsilon }],
    joined: "f32",
    body: ({ walk, join, once }) =>
      `  var sums = vec4<f32>(0.0);
${walk(`    sums += ${reads.load("lengths", "at")};`)}  var sum = dot(sums, vec4<f32>(1.0));
${join("sum")}${once("inverses[position] = 1.0 / (sum / f32(parameters.channels) + parameters.epsilon);")}`,
  });
}

/**
 * The norm, by lengths and the inverse of their mean.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with `input` (a texture in the software profile), `lengths`, `inverses`, `weight` and `bias` (f32, padded
 * with zeros), and `output`.
 */
export function globalResponseNormKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `global response norm ${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      lengths: "vec4<f32>",
      inverses: "f32",
      weight: readOnly("vec4<f32>"),
      bias: readOnly("vec4<f32>"),
      output: vector,
    },
    ...imageRuns(
      shape,
      profile,
      `  let factor = 1.0 + weight[lanes] * lengths[place] * inverses[image];
  let shift = bias[lanes];`,
      `    output[at] = ${vector}(${reads.load("input", "at")} * factor + shift);`,
    ),
  });
}
