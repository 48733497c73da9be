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

import type { Linear } from "./linear/rule.ts";
import { type Operation, ruleOf } from "./mod.ts";
import type { Shape } from "./shared/tensor.ts";

/** A network up to its feature map, and the linear classifier that follows. */
export interface Network {
  /** timm's name of the architecture. */
  readonly name: string;
  /** Name of the input tensor, `[N, H, W, 3]`, normalised. */
  readonly input: string;
  /** In order of computation, up to the feature map. */
  readonly operations: readonly Operation[];
  /** Name of the feature map `[N, h, w, F]`: what the global pooling of a classifier takes. */
  readonly features: string;
  /**
   * The classifier. On the feature map it gives the dense logits `[N, h, w, classes]` of a label map, on the pooled
   * feature map those of a classifier.
   */
  readonly classifier: Linear;
  /** The product of all strides: `h = ceil(H / stride)` or nearly. */
  readonly stride: number;
  /** Whose rule the parameters to begin training with are drawn by: those of ResNets, small ones, or EfficientNet. */
  readonly initialisation: "resnet" | "smallResnet" | "efficientnet";
}

/** Parameters by name, as a weight file holds them. */
export type Parameters = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

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
 * Lists every parameter and buffer that a checkpoint of a network must have, with its shape in PyTorch's axis order.
 *
 * Batch norm's `num_batches_tracked` is not among them: nothing is computed from it.
 *
 * @param network The network.
 * @returns Shapes by name, in the order of computation.
 */
export function parameterShapes(network: Network): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const operation of [...network.operations, network.classifier]) {
    for (const [name, shape] of ruleOf(operation).parameters?.(operation) ?? []) shapes.set(name, [...shape]);
  }
  return shapes;
}
