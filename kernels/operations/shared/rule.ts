/**
 * What a room of `operations` says of its operation: everything that shapes, lowering, training and tests want to know.
 *
 * @module
 */

import type { Builder } from "./builder.ts";
import type { Shape, Target } from "./tensor.ts";

/** What all operations of a network have. */
export interface AnyOperation {
  readonly type: string;
  /** Name of the tensor that it reads, or of the first of them. */
  readonly input: string;
  /** Name of the tensor that it gives. */
  readonly output: string;
}

/**
 * How the numbers of a parameter are drawn to begin training with: all of one value, or from a distribution of mean 0 with
 * this standard deviation, or bound. As timm's `trunc_normal_`, a truncated normal one ends at -2 and 2.
 */
export type Initial =
  | "zeros"
  | "ones"
  | { readonly constant: number }
  | { readonly normal: number }
  | { readonly truncatedNormal: number }
  | { readonly uniform: number };

/** What an operation says of a parameter of its own, where that is not for the network's family to say. */
export interface ParameterFacts {
  /** How it is drawn. */
  readonly initial?: Initial;
  /** False where timm's `no_weight_decay` lists it: embeddings, tokens, tables of biases. */
  readonly decays?: boolean;
}

/** Name and shape of a parameter or running statistic, in PyTorch's axis order. */
export type Parameter = readonly [name: string, shape: readonly number[], facts?: ParameterFacts];

/** Part of the gradient of a tensor: what one of its readers gives. */
export interface Contribution {
  readonly tensor: string;
  /** Name of the tensor that holds it. */
  readonly gradient: string;
  /** Whether it is the sum with what other readers gave before. */
  readonly isSum?: boolean;
}

/** What an operation's reference computes with; channels are not padded. */
export interface ReferenceValues {
  /** Whether batch norms use the statistics of the batch. */
  readonly trained: boolean;
  /** `[N, H, W, C]`. */
  tensor(name: string): ArrayLike<number>;
  shapeOf(tensor: string): Shape;
  /** In PyTorch's axis order. */
  parameter(name: string): ArrayLike<number>;
}

/** Where an operation stands that may take in the one that reads it. */
export interface FusionContext {
  /** Whether the program trains, and so needs gradients. */
  readonly trained: boolean;
  readonly target: Target;
  /** The rate with which an image does without the branch that a sum adds to its shortcut; default 0. */
  readonly dropPath?: number;
  shapeOf(tensor: string): Shape;
  /** Whether a tensor is there when the operation is computed. */
  isKnown(tensor: string): boolean;
}

/**
 * The rule of an operation.
 *
 * @typeParam O The operation as networks state it.
 * @typeParam F The operation with what it has taken in; all of that is optional.
 */
export interface Rule<O extends AnyOperation, F extends O = O> {
  readonly type: O["type"];
  /** Names of the tensors it reads; `[operation.input]` if left out. */
  inputs?(operation: O): readonly string[];
  /**
   * The shape of its output.
   *
   * @throws {RangeError} If a window does not fit.
   * @throws {TypeError} If the shapes of the inputs do not go together.
   */
  outputShape(operation: O, shapeOf: (tensor: string) => Shape): Shape;
  /** How many products it adds up; none to speak of if left out. */
  multiplyAdds?(operation: O, shapeOf: (tensor: string) => Shape): number;
  /** Its parameters and running statistics; none if left out. */
  parameters?(operation: O): readonly Parameter[];
  /** What it takes into its own kernels, where the network has no other reader of its output. */
  readonly fusion?: {
    /** Types of the operations that may be taken in. */
    readonly readers: readonly string[];
    /**
     * The operation with its reader, whose output it then has; undefined if it cannot take it in. The reader has taken in
     * what follows itself. Where it is the reader whose kernels compute both, the result is of its type.
     */
    take(operation: F, reader: AnyOperation, context: FusionContext): AnyOperation | undefined;
    /**
     * What the operation does for a reader of its output that stays, and need not be the only one.
     *
     * @returns The operation and the reader, both with the same inputs and outputs; undefined if it does nothing.
     */
    readonly help?: {
      /** Types of such readers. */
      readonly readers: readonly string[];
      with(operation: F, reader: AnyOperation, context: FusionContext): readonly [F, AnyOperation] | undefined;
    };
  };
  /**
   * Adds what computes the output.
   *
   * @param layer The operation's place in the network's list, which random numbers are drawn by.
   */
  forward(builder: Builder, operation: F, layer: number): void;
  /**
   * Adds what computes the gradients of the parameters that are trained, and of the inputs.
   *
   * @param outputGradient Name of dL/doutput.
   * @param options `wanted` says whether the gradient of an input is of use; `known` the name of what other readers of an
   * input gave so far, to which an operation may add its own; `layer` as for `forward`.
   * @returns The inputs' gradients.
   */
  backward(
    builder: Builder,
    operation: F,
    outputGradient: string,
    options: { wanted(input: string): boolean; known(input: string): string | undefined; layer: number },
  ): readonly Contribution[];
  /** The output on the CPU, in float64. */
  reference(operation: O, values: ReferenceValues): Float64Array;
  /** The gradients of inputs and trained parameters on the CPU, in float64, by name. */
  referenceGradient(
    operation: O,
    values: ReferenceValues,
    outputGradient: ArrayLike<number>,
  ): ReadonlyMap<string, Float64Array>;
}

/** Name of the tensor that holds what an operation gives to the gradient of its input. */
export function contributionName(operation: AnyOperation): string {
  return `${operation.output} input gradient`;
}
