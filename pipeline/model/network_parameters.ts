/**
 * The parameters of a network out of an open weight file.
 *
 * @module
 */

import { loadParameters, openParameters, type Parameter, type Weights } from "../../formats/weights/mod.ts";
import { type Network, parameterShapes } from "../../kernels/operations/network.ts";

/**
 * Reads a network's parameters; those that depend on the size of its input are made of those of another size.
 *
 * @param network The network.
 * @param weights The open file.
 * @returns The parameters by name.
 * @throws {TypeError} If the file's tensors are not the network's.
 */
export function loadNetworkParameters(network: Network, weights: Weights): Promise<Map<string, Parameter>> {
  return loadParameters(parameterShapes(network), weights, factsOf(network));
}

/**
 * What {@linkcode loadNetworkParameters} reads, each parameter when it is asked for.
 *
 * @param network The network.
 * @param weights The open file, which is to stay open until the parameters are on a device.
 * @returns The parameters by name.
 * @throws {TypeError} If the file's tensors are not the network's.
 */
export function openNetworkParameters(network: Network, weights: Weights): Map<string, Parameter> {
  return openParameters(parameterShapes(network), weights, factsOf(network));
}

function factsOf({ name: architecture, resampled }: Network) {
  return { architecture, resampled };
}
