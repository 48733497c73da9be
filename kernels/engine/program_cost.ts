/**
 * What a program takes, without a device: dispatches, products, bytes moved, memory.
 *
 * @module
 */

import { type Binding, WINDOW_BYTES } from "./kernel.ts";
import { layOutProgram } from "./plan.ts";
import { arenaTensors, type Constant, type Program, type Step, type Work } from "./program.ts";

/** Steps that compute one thing together, or one step by itself. */
export interface WorkCost {
  /** Products that are added up. */
  readonly multiplyAdds: number;
  /** Bytes that are read and written. */
  readonly bytes: number;
}

/** A program's figures. */
export interface ProgramCost {
  readonly dispatches: number;
  /** Distinct texts: pipelines to compile. */
  readonly kernels: number;
  /** What is computed and moved, in order. */
  readonly works: readonly WorkCost[];
  /** Bytes on the device: tensors, which share memory where they are not alive together; constants; states. */
  readonly memory: { readonly arena: number; readonly constants: number; readonly states: number };
  /** The tensor, constant or state that takes most. */
  readonly largest: { readonly name: string; readonly bytes: number };
}

/**
 * Counts what a program takes. Bytes moved are those of everything that a dispatch binds, each once, as if a cache held what
 * is read again within a dispatch and nothing from one to the next.
 *
 * @param program The program. Constants that do not say how large they are are made, one after the other.
 * @param inputs Names of the tensors that are written before the first step.
 * @returns The figures of all of its steps.
 */
export function countProgram(program: Program, inputs: readonly string[]): ProgramCost {
  const { steps, constants, states = new Map(), views } = program;
  const constantBytes = new Map([...constants].map(([name, make]) => [name, sizeOfConstant(make)]));
  const sizes = new Map([...arenaTensors(program), ...constantBytes, ...states]);
  const sizeOf = (name: string) => views?.get(name)?.bytes ?? sizes.get(name)!;
  const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
  const stepBytes = ({ kernel, bindings }: Step) =>
    sum(kernel.bindings.map((binding) => movedBytes(binding, sizeOf(bindings[binding.name]))));
  const works = [...Map.groupBy(steps, (step): Work | Step => step.work ?? step).values()].map((group) => ({
    multiplyAdds: group[0].work?.multiplyAdds ?? 0,
    bytes: sum(group.map(stepBytes)),
  }));
  const [name, bytes] = [...sizes].reduce((largest, one) => one[1] > largest[1] ? one : largest);
  return {
    dispatches: steps.length,
    kernels: new Set(steps.map(({ kernel }) => kernel.code)).size,
    works,
    memory: {
      arena: layOutProgram(program, { inputs, outputs: [] }).bytes,
      constants: sum(constantBytes.values()),
      states: sum(states.values()),
    },
    largest: { name, bytes },
  };
}

/** Frees what is made: a collector would let the weights of a large network pile up. */
function sizeOfConstant(make: Constant): number {
  if (make.bytes !== undefined) return make.bytes;
  const { buffer, byteLength } = make();
  buffer.transfer(0);
  return byteLength;
}

function movedBytes(binding: Binding, bytes: number): number {
  switch (binding.kind) {
    case "storage":
      return Math.min(bytes - binding.offset, binding.touched ?? Infinity);
    case "window":
      return Math.min(bytes - binding.offset, WINDOW_BYTES);
    case "scratch":
    case "texture":
      return bytes;
  }
}
