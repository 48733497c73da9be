/**
 * A network as a program: kernels in order, on named tensors and constants, every shape known.
 *
 * @module
 */

import type { Program } from "../engine/program.ts";
import { ruleOf } from "../operations/mod.ts";
import { inferShapes, type Network, type Parameters } from "../operations/network.ts";
import { addTensor, type Builder, emptyProgram } from "../operations/shared/builder.ts";
import type { Shape, Target } from "../operations/shared/tensor.ts";
import { fuse } from "./fuse.ts";

/** A network as a program. */
export interface LoweredNetwork extends Program {
  /** Shape of every tensor that is left after fusing, and of those that were fused away. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * Reads a network's parameters.
 *
 * @throws {TypeError} When one is missing.
 */
export function parameterReader(
  { name: network }: Network,
  parameters: Parameters | undefined,
): (name: string) => Float32Array {
  return (name) => {
    const parameter = parameters?.get(name);
    if (!parameter) throw new TypeError(`Cannot compute ${network}: parameter "${name}" is missing`);
    return parameter.data;
  };
}

/**
 * Lowers a network up to its classifier's output for inference.
 *
 * @param network The network; its classifier runs at every position of the feature map.
 * @param parameters What it reads; may be left out where only kernels and sizes are wanted.
 * @param options `batch` and `size` (height, width) of the input; profile and storage.
 * @returns The program. Its input is the tensor `network.input`, its output `network.classifier.output`.
 * @throws {RangeError} If the input is too small for the network.
 * @throws {TypeError} If a parameter is missing.
 */
export function lowerNetwork(
  network: Network,
  parameters: Parameters | undefined,
  options: { batch: number; size: readonly [number, number] } & Target,
): LoweredNetwork {
  const target: Target = { profile: options.profile, storage: options.storage };
  const operations = [...network.operations, network.classifier];
  const shapes = inferShapes(operations, { name: network.input, shape: [options.batch, ...options.size, 3] });
  const shapeOf = (name: string) => shapes.get(name)!;
  const program = emptyProgram();
  const read = parameterReader(network, parameters);
  const builder: Builder = { program, target, shapeOf, parameters: { trained: false, read } };
  addTensor(builder, network.input, shapeOf(network.input));
  for (
    const { operation, layer } of fuse(operations, [network.classifier.output], { trained: false, target, shapeOf })
  ) {
    ruleOf(operation).forward(builder, operation, layer);
  }
  return { ...program, shapes };
}
