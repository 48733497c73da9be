/**
 * How large a network is, and how much it computes.
 *
 * @module
 */

import { ruleOf } from "../operations/mod.ts";
import { inferShapes, type Network, networkParameters } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";

/**
 * Counts the products that a network adds up for the logits of one image: of convolutions, linear layers and attention.
 *
 * @param network The network.
 * @param size Height and width of its input.
 * @returns Their number; timm's tables give it in units of 10^9, as GMACs.
 * @throws {RangeError} If the size is too small for the network.
 */
export function countMultiplyAdds(network: Network, size: Pair): number {
  const operations = [...network.operations, ...network.pooled.operations];
  const shapes = inferShapes(operations, { name: network.input, shape: [1, ...size, 3] });
  const shapeOf = (tensor: string) => shapes.get(tensor)!;
  return operations.reduce((sum, operation) => sum + (ruleOf(operation).multiplyAdds?.(operation, shapeOf) ?? 0), 0);
}

/**
 * Counts the numbers that a network learns: all parameters, running statistics of norms not among them.
 *
 * @param network The network.
 * @returns Their number, as papers and timm's tables give it.
 */
export function countParameters(network: Network): number {
  return networkParameters(network).filter(([name]) => !/\.running_(mean|var)$/.test(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((product, length) => product * length, 1), 0);
}
