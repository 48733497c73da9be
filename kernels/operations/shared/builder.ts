/**
 * A program under construction, and what the operations of a network need to know to add themselves to it.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { operationSteps, type Program, type View } from "../../engine/program.ts";
import { type Shape, type Target, tensorBytes } from "./tensor.ts";

/** A program whose states and views are there to be added to. */
export type TrainingProgram = Program & Required<Pick<Program, "states" | "views">>;

/** An empty program. */
export function emptyProgram(): TrainingProgram {
  return { tensors: new Map(), constants: new Map(), states: new Map(), views: new Map<string, View>(), steps: [] };
}

/** Weights in the order in which a kernel reads them, which are made anew of the parameters before each batch. */
export interface PackedWeights {
  /** Name of the packed form. */
  readonly name: string;
  /** Names of the parameters. */
  readonly weight: string;
  readonly bias?: string;
  /**
   * For each word of the packed form 0 for none, 1 + an index into the weight, or, from 1 + its length on, into the bias.
   * Made again wherever it is needed: all of a network's would take as much memory as the network.
   */
  readonly places: () => Uint32Array<ArrayBuffer>;
}

/** How the operations come by a network's parameters: they are constants, or training changes them. */
export type ParameterSource =
  | {
    readonly trained: false;
    /** Reads a parameter, into an array of its reader's own. */
    read(parameter: string): Float32Array<ArrayBuffer>;
  }
  | {
    /** Batch norms use the statistics of the batch, and parameters have gradients. */
    readonly trained: true;
    /** Has weights packed before each batch; returns the name of the packed form. */
    pack(weights: PackedWeights): string;
  };

/** What the operations of a network add themselves to. */
export interface Builder {
  readonly program: TrainingProgram;
  readonly target: Target;
  /** Shape of a tensor of the network. */
  readonly shapeOf: (tensor: string) => Shape;
  readonly parameters: ParameterSource;
  /** The rate with which an image does without the branch that a sum adds to its shortcut; default 0. */
  readonly dropPath?: number;
  /** This rank and the number of those whose batch norms have statistics in common. */
  readonly normRanks?: { readonly rank: number; readonly size: number };
}

/** Adds a tensor of activations or their gradients, and returns its name. */
export function addTensor(
  { program, target }: Pick<Builder, "program" | "target">,
  name: string,
  shape: Shape,
): string {
  program.tensors.set(name, tensorBytes(shape, target.storage));
  return name;
}

/** Adds a tensor of bytes, and returns its name. */
export function addBytes({ program }: Pick<Builder, "program">, name: string, bytes: number): string {
  program.tensors.set(name, bytes);
  return name;
}

/** Adds a dispatch, and the name of statistics that are then added up over the ranks, if any. */
export function addStep(
  { program }: Pick<Builder, "program">,
  kernel: Kernel,
  bindings: Readonly<Record<string, string>>,
  exchanged?: string,
): void {
  const exchanges = exchanged === undefined ? undefined : [{ name: exchanged, kind: "statistics" as const }];
  program.steps.push({ kernel, bindings, ...(exchanges ? { exchanges } : {}) });
}

/**
 * Adds the dispatches of an operation's kernels, which share what they call scratch.
 *
 * @param builder What is added to.
 * @param kernels In order.
 * @param bindings What their bindings are, by name; scratch may be left out.
 * @param owner What scratch is named after: a name that no other operation of the program has.
 */
export function addSteps(
  { program }: Pick<Builder, "program">,
  kernels: readonly Kernel[],
  bindings: Readonly<Record<string, string>>,
  owner: string,
): void {
  program.steps.push(...operationSteps(kernels, bindings, owner));
}

/**
 * Adds a parameter as it is, f32 and filled up with zeros to 4-vectors; training has it already.
 *
 * @returns The name that a kernel binds it by.
 */
export function addParameter({ program, parameters }: Pick<Builder, "program" | "parameters">, name: string): string {
  if (!parameters.trained) {
    program.constants.set(name, () => fillVectors(parameters.read(name)));
  }
  return name;
}

/** Numbers with zeros behind them up to whole 4-vectors. */
export function fillVectors(values: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const filled = new Float32Array(Math.ceil(values.length / 4) * 4);
  filled.set(values);
  return filled;
}

/** The name of a parameter's gradient. */
export function gradientName(parameter: string): string {
  return `${parameter} gradient`;
}
