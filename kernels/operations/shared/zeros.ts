/**
 * A tensor of zeros: what is not written of a gradient whose channels have several writers.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, type Shape, type Target, tensorVectors, vectorType } from "./tensor.ts";

/**
 * Fills a tensor with zeros.
 *
 * @param options `shape` of the tensor; the name of the binding, `output` unless given.
 * @returns A kernel with that binding.
 */
export function zerosKernel(options: { shape: Shape; tensor?: string } & Target): Kernel {
  const { shape, tensor = "output", profile, storage } = options;
  return itemKernel({
    name: `zeros ${storage}`,
    profile,
    bindings: { [tensor]: vectorType(storage) },
    parameters: [],
    items: tensorVectors(shape),
    body: `  ${tensor}[item] = ${vectorType(storage)}();`,
  });
}
