/**
 * A program: kernels in order, on named tensors and constants, every shape known. Plain data, made without a device;
 * `plan.ts` puts it on one.
 *
 * @module
 */

import type { Kernel } from "./kernel.ts";

/** One dispatch. */
export interface Step {
  readonly kernel: Kernel;
  /** What each of the kernel's bindings is: the name of a tensor, constant, state or view by the name of the binding. */
  readonly bindings: Readonly<Record<string, string>>;
  /** The part of the program that it belongs to, where a program has several that are not always run together. */
  readonly part?: string;
  /** What it is there for, where measurements of it are to be found again. */
  readonly role?: string;
  /** The arithmetic that it does, perhaps together with other steps, which then have the same object. */
  readonly work?: Work;
  /** What is added up over the ranks once the step has run, one after the other. */
  readonly exchanges?: readonly Exchange[];
}

/** Arithmetic of an operation or of its gradient. */
export interface Work {
  /** Products that are added up. */
  readonly multiplyAdds: number;
}

/** A sum over all ranks, in place. */
export interface Exchange {
  /** A tensor, state or view. */
  readonly name: string;
  /** Statistics of a batch are needed by the next step, gradients of an update by the update only. */
  readonly kind: "statistics" | "gradients";
}

/** Makes data that is uploaded once: an array of its own each time, since a large one is freed then. */
export type Constant =
  & (() => Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)
  & {
    /** Its size, where that is known and making it takes long. */
    readonly bytes?: number;
  };

/** Offsets of tensors and views in their buffers are multiples of so many bytes: WebGPU's largest default alignment. */
export const ALIGNMENT = 256;

/** A part of a state, under a name of its own. */
export interface View {
  readonly state: string;
  /** Bytes, a multiple of {@linkcode ALIGNMENT}. */
  readonly offset: number;
  readonly bytes: number;
}

/** Kernels in order and what they work on. */
export interface Program {
  /** Bytes by name. What kernels declare as scratch is not among them. */
  readonly tensors: Map<string, number>;
  /** Made when asked for, one after the other, so that packed weights are never all in memory. */
  readonly constants: Map<string, Constant>;
  /** Bytes by name of what keeps its content from run to run: a buffer of its own, zero before the first. */
  readonly states?: Map<string, number>;
  readonly views?: Map<string, View>;
  readonly steps: Step[];
}

/**
 * The steps of an operation's kernels. What one of them declares as scratch is a tensor of the operation's own, which the
 * others bind by the same name.
 *
 * @param kernels The kernels, in order.
 * @param bindings What their bindings are, by name; scratch may be left out.
 * @param owner What tensors for scratch are named after: a name that no other operation of the program has.
 * @returns A step for each kernel.
 */
export function operationSteps(
  kernels: readonly Kernel[],
  bindings: Readonly<Record<string, string>>,
  owner: string,
): Step[] {
  const scratch = kernels.flatMap((kernel) => kernel.bindings).filter(({ kind }) => kind === "scratch");
  const named = Object.fromEntries(scratch.map(({ name }) => [name, `${owner} ${name}`]));
  return kernels.map((kernel) => ({ kernel, bindings: { ...named, ...bindings } }));
}

/** Steps as those of a part of their program. */
export function inPart(part: string, steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, part }));
}

/**
 * What lies in a program's arena: its tensors, and what its kernels declare as scratch.
 *
 * @param program The program.
 * @returns Bytes by name.
 */
export function arenaTensors({ tensors, steps }: Pick<Program, "tensors" | "steps">): Map<string, number> {
  const all = new Map(tensors);
  for (const { kernel, bindings } of steps) {
    for (const binding of kernel.bindings) {
      if (binding.kind !== "scratch") continue;
      const name = bindings[binding.name];
      all.set(name, Math.max(all.get(name) ?? 0, binding.bytes));
    }
  }
  return all;
}

/**
 * Programs one after the other; tensors, constants, states and views that two of them name alike are one.
 *
 * @param programs In the order in which they run.
 * @returns A program with all of their steps.
 */
export function joinPrograms(programs: readonly Program[]): Program {
  const merge = <T>(maps: readonly (ReadonlyMap<string, T> | undefined)[]) =>
    new Map(maps.flatMap((map) => [...map ?? []]));
  return {
    tensors: merge(programs.map(({ tensors }) => tensors)),
    constants: merge(programs.map(({ constants }) => constants)),
    states: merge(programs.map(({ states }) => states)),
    views: merge(programs.map(({ views }) => views)),
    steps: programs.flatMap(({ steps }) => steps),
  };
}

/**
 * A program without states under other names.
 *
 * @param program The program.
 * @param rename Gives the new name of a tensor or constant; no two may become one.
 * @returns The program, whose kernels are the same.
 */
export function renameTensors({ tensors, constants, steps }: Program, rename: (name: string) => string): Program {
  const keys = <T>(map: ReadonlyMap<string, T>) => new Map([...map].map(([key, value]) => [rename(key), value]));
  return {
    tensors: keys(tensors),
    constants: keys(constants),
    steps: steps.map((step) => ({
      ...step,
      bindings: Object.fromEntries(Object.entries(step.bindings).map(([binding, name]) => [binding, rename(name)])),
    })),
  };
}
