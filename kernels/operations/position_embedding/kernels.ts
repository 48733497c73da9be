/**
 * A position embedding: y[n, h, w, c] = x[n, h, w, c] + p[h, w, c].
 *
 * The gradient of x is that of y; the parameter's is its sum over the images (`imageSumsKernel`).
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { type ParameterStrides, readParameters, strideParameters } from "../shared/flat_parameter.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The sum.
 *
 * @param options `shape` of the input; the parameter's `strides`.
 * @returns A kernel with `input` (a texture in the software profile) and the bindings `embedding` (f32) and `output`.
 */
export function positionEmbeddingKernel(options: { shape: Shape; strides: ParameterStrides } & Target): Kernel {
  const { shape, strides, profile, storage } = options;
  const [, height, width, channels] = shape;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const parameter = readParameters(["embedding"], strides, channels);
  return itemKernel({
    name: `position embedding ${parameter.kind}${storage}`,
    profile,
    bindings: { ...reads.bindings, ...parameter.bindings, output: vector },
    parameters: [
      { name: "positions", value: height * width },
      { name: "vectors", value: channelVectors(channels) },
      { name: "channels", value: channels },
      ...strideParameters(strides),
    ],
    items: tensorVectors(shape),
    functions: parameter.functions,
    body: `  let position = item / parameters.vectors % parameters.positions;
  let embedded = ${parameter.load("embedding", "position", "item % parameters.vectors")};
  output[item] = ${vector}(${reads.load("input", "item")} + embedded);`,
  });
}
