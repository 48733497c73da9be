/**
 * Training to race on: steps of stochastic gradient descent with momentum, all on one batch.
 *
 * Every contestant trains the same list of operations from the same weights: forward with batch statistics, mean over the
 * batch of the cross-entropy, backward, and v <- momentum v + g, w <- w - learningRate v for every parameter. A contestant
 * gives the losses of its steps: the first tells the forward pass, the second gradients and update, the third the momentum.
 *
 * @module
 */

import { type Network, type Parameters, parameterShapes } from "../../kernels/operations/network.ts";
import type { BatchNorm } from "../../kernels/operations/batch_norm/rule.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";

/** A network to train, and on what. */
export interface Training {
  readonly network: Network;
  /** Initial. */
  readonly parameters: Parameters;
  readonly batch: number;
  readonly size: Pair;
  /** `[N, H, W, 3]`, normalised. */
  readonly images: Float32Array<ArrayBuffer>;
  /** `[N]`. */
  readonly labels: Int32Array<ArrayBuffer>;
  readonly learningRate: number;
  readonly momentum: number;
}

/** Steps whose losses are compared before anything is timed. */
export const CHECKED_STEPS = 3;

/**
 * Makes what a network is trained from.
 *
 * @param network The network.
 * @param options `batch` and `size` of the images.
 * @returns The same every time: images in [-1, 1), labels in turn, weights uniform with He's variance of 2 / fan-in (He et
 * al., "Delving Deep into Rectifiers", 2015, equation 10), batch norms that neither scale nor shift.
 */
export function trainingOf(network: Network, { batch, size }: { batch: number; size: Pair }): Training {
  const classes = network.classifier.outputChannels;
  const norms = network.operations.filter(({ type }) => type === "batchNorm") as BatchNorm[];
  const ones = new Set(norms.flatMap(({ parameters }) => [`${parameters}.weight`, `${parameters}.running_var`]));
  let seed = 10;
  const values = (name: string, shape: readonly number[]): Float32Array => {
    const count = shape.reduce((product, length) => product * length, 1);
    if (shape.length === 1) return new Float32Array(count).fill(ones.has(name) ? 1 : 0);
    return Float32Array.from(randomValues(count, seed++, Math.sqrt(6 / (count / shape[0]))));
  };
  return {
    network,
    parameters: new Map(
      [...parameterShapes(network)].map(([name, shape]) => [name, { shape, data: values(name, shape) }]),
    ),
    batch,
    size,
    images: Float32Array.from(randomValues(batch * size[0] * size[1] * 3, 1)),
    labels: Int32Array.from({ length: batch }, (_, index) => index % classes),
    learningRate: 0.1,
    momentum: 0.9,
  };
}

/** Names of the parameters that are trained: all but the running averages. */
export function trainedNames(network: Network): string[] {
  return [...parameterShapes(network).keys()].filter((name) => !name.includes(".running_"));
}

/** Labels as targets `[N, classes]`. */
export function oneHot({ labels, network }: Training): Float32Array<ArrayBuffer> {
  const classes = network.classifier.outputChannels;
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, index) => targets[index * classes + label] = 1);
  return targets;
}
