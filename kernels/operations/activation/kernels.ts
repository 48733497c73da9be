/**
 * An activation as a pass of its own: an elementwise function of the feature map, whose rule is in `functions/`. The store
 * of one that does not keep zero is masked, so that padding stays zero.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import {
  channelVectors,
  itemKernel,
  realLanes,
  type Shape,
  type Target,
  tensorVectors,
  vectorType,
} from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { type ActivationFunction, activationName, activationRule } from "./functions/mod.ts";

/**
 * The activation of a tensor.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `output`.
 */
export function activationKernel(options: { activation: ActivationFunction; shape: Shape } & Target): Kernel {
  const { activation, shape, profile, storage } = options;
  const channels = shape[3];
  const vector = vectorType(storage);
  const { expression, keepsZero, functions } = activationRule(activation);
  const result = expression("value");
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `activation ${activationName(activation)} ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: keepsZero
      ? []
      : [{ name: "channels", value: channels }, { name: "vectors", value: channelVectors(channels) }],
    items: tensorVectors(shape),
    functions,
    body: `  let value = ${reads.load("input", "item")};
  output[item] = ${vector}(${
      keepsZero
        ? result
        : `select(vec4<f32>(0.0), ${result}, ${realLanes("item % parameters.vectors", "parameters.channels")})`
    });`,
  });
}
