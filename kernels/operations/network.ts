/**
 * A network as data: a list of operations on named tensors.
 *
 * Nothing here runs. {@linkcode Network} is what `kernels/networks/` builds, what the plan binds to a batch and an
 * image size, and what a training plan is derived from: batch norm, activation and residual stand here as operations
 * of their own, so that each can state its gradient; an inference plan fuses them.
 *
 * Tensors are `[N, H, W, C]`. Parameters are named and shaped as timm's (PyTorch's axis order): a convolution's weight
 * is `[outputChannels, inputChannels / groups, kernelHeight, kernelWidth]`, a linear's `[outputChannels, inputChannels]`.
 *
 * @module
 */

import { type Operation, ruleOf } from "./mod.ts";
import type { Parameter } from "./shared/rule.ts";
import type { Shape } from "./shared/tensor.ts";
import type { Pair } from "./shared/window.ts";

/** Operations on tensors of a network's trunk, and the tensor that they end in. */
export interface Head {
  /** In order of computation. Tensors of another head may have the same names. */
  readonly operations: readonly Operation[];
  readonly output: string;
}

/** The last linear layer of a network, or a convolution of 1 x 1. */
export interface ClassifierLayer {
  /** Name of its weight `[outputChannels, inputChannels]`, that of a convolution with two axes of length 1 behind. */
  readonly weight: string;
  /** Name of its bias `[outputChannels]`, where it has one. */
  readonly bias?: string;
  readonly inputChannels: number;
  /** Number of classes. */
  readonly outputChannels: number;
  /** Names of the parameters of other layers that give the classes: DeiT's second classifier, VOLO's of cells. */
  readonly others?: readonly string[];
}

/** A network up to its feature map, and two heads: one for label maps, and one for whole images. */
export interface Network {
  /** timm's name of the architecture. */
  readonly name: string;
  /** Name of the input tensor, `[N, H, W, 3]`, normalised. */
  readonly input: string;
  /** The trunk, which both heads read, in order of computation. */
  readonly operations: readonly Operation[];
  /** Name of the feature map `[N, h, w, F]`. */
  readonly features: string;
  /** Up to the logits `[N, h, w, classes]` of each cell: a label map. */
  readonly dense: Head;
  /** Up to the logits `[N, 1, 1, classes]` of the image. What both heads have in common has the same parameters. */
  readonly pooled: Head;
  /** The layer that gives the classes, which fine-tuning draws anew where they are others. */
  readonly classifier: ClassifierLayer;
  /** Height and width of the input, where operations or shapes of parameters depend on it; without it any will do. */
  readonly inputSize?: Pair;
  /**
   * How parameters that depend on the input's size are made of those of another size, by name. A function is given what
   * is stored and returns what the network reads; it throws a TypeError if what is stored does not fit.
   */
  readonly resampled?: Readonly<Record<string, (stored: StoredParameter) => Float32Array>>;
  /** The product of all strides: `h = ceil(H / stride)` or nearly. */
  readonly stride: number;
  /** Whose rule the parameters to begin training with are drawn by: a row of the table in `networks/initialise.ts`. */
  readonly initialisation:
    | "resnet"
    | "smallResnet"
    | "efficientnet"
    | "regnet"
    | "vgg"
    | "tresnet"
    | "densenet"
    | "hgnet"
    | "squeezenet"
    | "nfnet"
    | "resnetv2"
    | "convnext"
    | "maxvit"
    | "transformer"
    | "eva"
    | "pytorch"
    | "maxvitNormal";
}

/** A parameter as a weight file holds it, in PyTorch's axis order. */
export interface StoredParameter {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** Whether `data` is read anew whenever it is asked for, into an array that is its reader's own. */
  readonly isReadAnew?: boolean;
}

/** Parameters by name, as a weight file holds them. */
export type Parameters = ReadonlyMap<string, StoredParameter>;

/**
 * Whether the logits of an image are the mean of those of its cells: one linear layer, after an average pool.
 *
 * @param network The network.
 * @returns Whether it is so.
 */
export function isMeanOfCells({ features, dense, pooled }: Network): boolean {
  const [layer] = dense.operations;
  const [pool, pooledLayer] = pooled.operations;
  return dense.operations.length === 1 && layer.type === "linear" && layer.input === features &&
    pooled.operations.length === 2 && pool.type === "globalAveragePool" && pool.input === features &&
    pooledLayer.type === "linear" && pooledLayer.input === pool.output && pooledLayer.weight === layer.weight;
}

/**
 * The shape of every tensor of a network.
 *
 * @param operations In order.
 * @param input Name and shape of the input.
 * @returns Shapes by name.
 * @throws {RangeError} If a window does not fit: the input is too small.
 */
export function inferShapes(
  operations: readonly Operation[],
  input: { name: string; shape: Shape },
): Map<string, Shape> {
  const shapes = new Map<string, Shape>([[input.name, input.shape]]);
  const shapeOf = (name: string): Shape => {
    const shape = shapes.get(name);
    if (!shape) throw new TypeError(`Cannot lay out the network: tensor "${name}" is read before it is computed`);
    return shape;
  };
  for (const operation of operations) {
    shapes.set(operation.output, ruleOf(operation).outputShape(operation, shapeOf));
  }
  return shapes;
}

/**
 * Lists every parameter and buffer that a checkpoint of a network must have.
 *
 * Batch norm's `num_batches_tracked` is not among them: nothing is computed from it.
 *
 * @param network The network.
 * @returns What the operations state of them, in the order of computation, those of the pooled head before those that
 *   only the dense one has.
 */
export function networkParameters({ operations, pooled, dense }: Network): Parameter[] {
  const parameters = new Map<string, Parameter>();
  for (const operation of [...operations, ...pooled.operations, ...dense.operations]) {
    for (const parameter of ruleOf(operation).parameters?.(operation) ?? []) {
      if (!parameters.has(parameter[0])) parameters.set(parameter[0], parameter);
    }
  }
  return [...parameters.values()];
}

/**
 * The shapes of {@linkcode networkParameters}.
 *
 * @param network The network.
 * @returns Shapes by name in PyTorch's axis order, in the order of computation.
 */
export function parameterShapes(network: Network): Map<string, number[]> {
  return new Map(networkParameters(network).map(([name, shape]) => [name, [...shape]]));
}
