/**
 * A flat parameter as a tensor, the same in every image.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { type ParameterStrides, readParameters, strideParameters } from "../shared/flat_parameter.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";

/**
 * A flat parameter as a tensor.
 *
 * @param options `shape` of the output; the parameter's `strides`.
 * @returns A kernel with the bindings `flat` (f32) and `output`.
 */
export function parameterTensorKernel(options: { shape: Shape; strides: ParameterStrides } & Target): Kernel {
  const { shape, strides, profile, storage } = options;
  const [, height, width, channels] = shape;
  const parameter = readParameters(["flat"], strides, channels);
  return itemKernel({
    name: `parameter tensor ${parameter.kind}${storage}`,
    profile,
    bindings: { ...parameter.bindings, output: vectorType(storage) },
    parameters: [
      { name: "positions", value: height * width },
      { name: "vectors", value: channelVectors(channels) },
      { name: "channels", value: channels },
      ...strideParameters(strides),
    ],
    items: tensorVectors(shape),
    functions: parameter.functions,
    body: `  let position = item / parameters.vectors % parameters.positions;
  output[item] = ${vectorType(storage)}(${parameter.load("flat", "position", "item % parameters.vectors")});`,
  });
}
