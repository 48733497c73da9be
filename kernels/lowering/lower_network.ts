/**
 * A network as a program: kernels in order, on named tensors and constants, every shape known.
 *
 * @module
 */

import { joinPrograms, type Program, renameTensors } from "../engine/program.ts";
import { inputsOf, type Operation, ruleOf } from "../operations/mod.ts";
import { inferShapes, type Network, type Parameters } from "../operations/network.ts";
import { addTensor, type Builder, emptyProgram, type TrainingProgram } from "../operations/shared/builder.ts";
import type { Shape, Target } from "../operations/shared/tensor.ts";
import { addWork } from "./add_work.ts";
import { fuse } from "./fuse.ts";

/** A network as a program. */
export interface LoweredNetwork extends Program {
  /** Shape of every tensor that is left after fusing, and of those that were fused away. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * Reads a network's parameters, each into an array of its reader's own.
 *
 * @param taken A list that those arrays are added to, where it is given.
 * @throws {TypeError} When one is missing.
 */
export function parameterReader(
  { name: network }: Network,
  parameters: Parameters | undefined,
  taken?: Float32Array<ArrayBuffer>[],
): (name: string) => Float32Array<ArrayBuffer> {
  return (name) => {
    const parameter = parameters?.get(name);
    if (!parameter) throw new TypeError(`Cannot compute ${network}: parameter "${name}" is missing`);
    const { data, isReadAnew } = parameter;
    const own = (isReadAnew ? data : data.slice()) as Float32Array<ArrayBuffer>;
    taken?.push(own);
    return own;
  };
}

/** What of a network is lowered. */
export interface LoweringOptions extends Target {
  readonly batch: number;
  /** Height and width of the input. */
  readonly size: readonly [number, number];
}

/**
 * Lowers a network up to the logits of one of its heads for inference.
 *
 * @param network The network.
 * @param parameters What it reads; may be left out where only kernels and sizes are wanted.
 * @param options `batch` and `size` of the input; which `head`; profile and storage.
 * @returns The program. Its input is the tensor `network.input`, its output that of the head.
 * @throws {RangeError} If the input is too small for the network.
 * @throws {TypeError} If a parameter is missing, or the network is built for another size.
 */
export function lowerNetwork(
  network: Network,
  parameters: Parameters | undefined,
  options: LoweringOptions & { readonly head: "dense" | "pooled" },
): LoweredNetwork {
  const { operations, output } = network[options.head];
  const shapes = shapesTo(network, operations, options);
  const program = emptyProgram();
  addTensor({ program, target: targetOf(options) }, network.input, shapes.get(network.input)!);
  return lowerInto(program, [...network.operations, ...operations], [output], { network, parameters, shapes, options });
}

/**
 * Lowers a network up to the logits of both heads, which share the trunk.
 *
 * @param network The network.
 * @param parameters As for {@linkcode lowerNetwork}.
 * @param options As for {@linkcode lowerNetwork}.
 * @returns The program, whose outputs are that of the dense head and the tensor `pooled`.
 * @throws {RangeError} As {@linkcode lowerNetwork}.
 * @throws {TypeError} As {@linkcode lowerNetwork}.
 */
export function lowerBothHeads(
  network: Network,
  parameters: Parameters | undefined,
  options: LoweringOptions,
): LoweredNetwork & { readonly pooled: string } {
  const { dense, pooled } = network;
  const trunk = new Set([network.input, ...network.operations.map(({ output }) => output)]);
  const shared = new Set(pooled.operations.flatMap(inputsOf).filter((name) => trunk.has(name)));
  const rename = (name: string) => shared.has(name) ? name : `pooled ${name}`;
  const settings = { network, parameters, options };
  const shapes = shapesTo(network, dense.operations, options);
  const program = emptyProgram();
  addTensor({ program, target: targetOf(options) }, network.input, shapes.get(network.input)!);
  lowerInto(program, [...network.operations, ...dense.operations], [dense.output, ...shared], { ...settings, shapes });
  const ofPooled = { ...settings, shapes: shapesTo(network, pooled.operations, options) };
  const head = lowerInto(emptyProgram(), pooled.operations, [pooled.output], ofPooled);
  return { ...joinPrograms([program, renameTensors(head, rename)]), shapes, pooled: rename(pooled.output) };
}

function targetOf({ profile, storage, subgroupLanes }: LoweringOptions): Target {
  return { profile, storage, subgroupLanes };
}

/** Shapes of the trunk's tensors and those of a head. */
function shapesTo(network: Network, head: readonly Operation[], { batch, size }: LoweringOptions): Map<string, Shape> {
  const { name, input, inputSize } = network;
  if (inputSize && inputSize.join() !== size.join()) {
    throw new TypeError(
      `Cannot compute ${name} on ${size.join(" x ")} pixels: it is built for ${inputSize.join(" x ")}`,
    );
  }
  return inferShapes([...network.operations, ...head], { name: input, shape: [batch, ...size, 3] });
}

/** Adds operations to a program. */
function lowerInto(
  program: TrainingProgram,
  operations: readonly Operation[],
  outputs: readonly string[],
  { network, parameters, shapes, options }: {
    network: Network;
    parameters: Parameters | undefined;
    shapes: ReadonlyMap<string, Shape>;
    options: LoweringOptions;
  },
): LoweredNetwork {
  const target = targetOf(options);
  const shapeOf = (name: string) => shapes.get(name)!;
  const taken: Float32Array<ArrayBuffer>[] = [];
  const read = parameterReader(network, parameters, taken);
  const builder: Builder = { program, target, shapeOf, parameters: { trained: false, read } };
  for (const { operation, layer } of fuse(operations, outputs, { trained: false, target, shapeOf })) {
    addWork(builder, operation, () => ruleOf(operation).forward(builder, operation, layer));
  }
  // What a constant was made of is in memory no longer than that takes.
  for (const [name, make] of program.constants) {
    program.constants.set(name, () => {
      const before = taken.length;
      const made = make();
      for (const { buffer } of taken.splice(before)) if (buffer !== made.buffer) buffer.transfer(0);
      return made;
    });
  }
  return { ...program, shapes };
}
