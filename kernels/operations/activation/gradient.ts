/**
 * The gradient of an activation, from its saved input or output and dL/dy. Padding lanes have dL/dy = 0.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { type ActivationFunction, activationName, activationRule } from "./functions/mod.ts";

/**
 * The gradient of an activation.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with `input` and `outputGradient` (textures in the software profile) and the binding
 * `inputGradient`. As `input` it takes the tensor that the activation's rule names.
 */
export function activationGradientKernel(options: { activation: ActivationFunction; shape: Shape } & Target): Kernel {
  const { activation, shape, profile, storage } = options;
  const vector = vectorType(storage);
  const { gradient, functions } = activationRule(activation);
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  return itemKernel({
    name: `activation gradient ${activationName(activation)} ${storage}`,
    profile,
    bindings: { ...reads.bindings, inputGradient: vector },
    parameters: [],
    items: tensorVectors(shape),
    functions,
    body: `  let value = ${reads.load("input", "item")};
  let gradient = ${reads.load("outputGradient", "item")};
${gradient}
  inputGradient[item] = ${vector}(result);`,
  });
}
