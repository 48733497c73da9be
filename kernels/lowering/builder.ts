/**
 * A program under construction, and what the operations of a network need to know to add themselves to it.
 *
 * @module
 */

import type { Kernel } from "../engine/kernel.ts";
import type { Convolution, Linear } from "../operations/network.ts";
import type { ConvolutionDispatch } from "../operations/convolution/mod.ts";
import type { ConvolutionShape } from "../operations/convolution/shape.ts";
import { type Shape, type Target, tensorBytes } from "../operations/shared/tensor.ts";
import type { Program, View } from "../engine/program.ts";
import type { Ranks } from "./ranks.ts";

/** A program whose states and views are there to be added to. */
export type TrainingProgram = Program & Required<Pick<Program, "states" | "views">>;

/** An empty program. */
export function emptyProgram(): TrainingProgram {
  return { tensors: new Map(), constants: new Map(), states: new Map(), views: new Map<string, View>(), steps: [] };
}

/** Where convolutions find their weights. */
export interface WeightSource {
  /** Name of the weights that `convolutionKernels` reads. */
  forward(operation: Convolution | Linear, shape: ConvolutionShape): string;
  /** Name of the weights that `convolutionInputGradientKernels` reads. */
  backward(operation: Convolution | Linear, shape: ConvolutionShape): string;
}

/** What the operations of a network add themselves to. */
export interface Builder {
  readonly program: TrainingProgram;
  readonly target: Target;
  /** Shape of a tensor of the network. */
  readonly shapeOf: (tensor: string) => Shape;
  readonly weights: WeightSource;
  /** Reads a parameter of a network that is not trained: batch norms use running averages, parameters have no gradients. */
  readonly frozen?: (parameter: string) => Float32Array;
  /** This rank and the number of those whose batch norms have statistics in common. */
  readonly normRanks?: Pick<Ranks, "rank" | "size">;
}

/** Adds a tensor of activations or their gradients, and returns its name. */
export function addTensor({ program, target }: Builder, name: string, shape: Shape): string {
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
 * Adds the dispatches of a convolution or of its input's gradient.
 *
 * @param builder What is added to.
 * @param dispatches In order.
 * @param bindings Names by binding; a tensor for the binding `partial` is added where one is asked for.
 * @param output Shape of what is written, which partial sums have too.
 */
export function addDispatches(
  builder: Builder,
  dispatches: readonly ConvolutionDispatch[],
  bindings: Readonly<Record<string, string>>,
  output: { name: string; shape: Shape },
): void {
  const partial = `${output.name} partial`;
  for (const { kernel, weightsOffset } of dispatches) {
    if (kernel.bindings.includes("partial")) addBytes(builder, partial, tensorBytes(output.shape, "f32"));
    builder.program.steps.push({ kernel, weightsOffset, bindings: { ...bindings, partial } });
  }
}
