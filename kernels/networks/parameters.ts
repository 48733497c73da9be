/**
 * The parameters that a network reads.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";

/**
 * Lists every parameter and buffer that a checkpoint of a network must have, with its shape in PyTorch's axis order.
 *
 * Batch norm's `num_batches_tracked` is not among them: nothing is computed from it.
 *
 * @param network The network.
 * @returns Shapes by name, in the order of computation.
 */
export function parameterShapes(network: Network): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const operation of [...network.operations, network.classifier]) {
    switch (operation.type) {
      case "convolution": {
        const { outputChannels, inputChannels, groups, kernel } = operation;
        shapes.set(operation.weight, [outputChannels, inputChannels / groups, ...kernel]);
        if (operation.bias !== undefined) shapes.set(operation.bias, [outputChannels]);
        break;
      }
      case "linear":
        shapes.set(operation.weight, [operation.outputChannels, operation.inputChannels]);
        if (operation.bias !== undefined) shapes.set(operation.bias, [operation.outputChannels]);
        break;
      case "batchNorm":
        for (const parameter of ["weight", "bias", "running_mean", "running_var"]) {
          shapes.set(`${operation.parameters}.${parameter}`, [operation.channels]);
        }
    }
  }
  return shapes;
}
