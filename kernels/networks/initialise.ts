/**
 * Parameters to begin training with, drawn as timm draws them.
 *
 * | | ResNet, ResNeXt | EfficientNet, ReXNet |
 * | --- | --- | --- |
 * | convolution | normal, variance 2 / (k^2 outputs) | normal, variance 2 / (k^2 outputs / groups); bias 0 |
 * | batch norm | weight 1, bias 0; weight 0 where it ends a residual branch | weight 1, bias 0 |
 * | classifier | weight and bias uniform in +-1 / sqrt(inputs) | weight uniform in +-1 / sqrt(classes), bias 0 |
 *
 * Running means begin at 0, running variances at 1. A ResNet's residual branches so begin at zero, and its blocks as their
 * shortcuts. Not so the ones for small images, whose batch norms all begin at 1, as He et al. had them: with zeros a
 * ResNet-8 was trained in 60 epochs of 1,000 images to a quarter of its right answers, in place of a half. Each tensor is drawn by itself, from the seed and its name alone.
 *
 * Sources: timm 1.0.31, `ResNet.init_weights` with `zero_init_last`, and `_init_weight_goog`; PyTorch's `Linear` for the
 * classifier of a ResNet; He et al., "Delving Deep into Rectifiers", 2015, equation 14; Goyal et al., "Accurate, Large
 * Minibatch SGD", 2017, section 5.1, for the batch norms that begin at zero.
 *
 * @module
 */

import { type Network, type Parameters, parameterShapes } from "../operations/network.ts";
import { randomKey, randomNumbers } from "../../formats/base/random.ts";

/** How a tensor is drawn: all of one value, or from a distribution of mean 0. */
type Distribution =
  | { readonly type: "constant"; readonly value: number }
  | { readonly type: "normal"; readonly deviation: number }
  | { readonly type: "uniform"; readonly bound: number };

/**
 * Draws the parameters of a network.
 *
 * @param network The network.
 * @param seed An integer; the same seed gives the same parameters.
 * @returns Every parameter and running statistic by name.
 * @throws {TypeError} If an operation has parameters that no row of the table above is about.
 */
export function initialParameters(network: Network, seed: number): Parameters {
  const distributions = distributionsOf(network);
  return new Map(
    [...parameterShapes(network)].map(([name, shape]) => {
      const distribution = distributions.get(name);
      if (!distribution) {
        throw new TypeError(`Cannot draw parameter "${name}" of ${network.name}: no rule is known for it`);
      }
      const length = shape.reduce((product, size) => product * size, 1);
      return [name, { shape, data: draw(length, distribution, seed, name) }];
    }),
  );
}

function distributionsOf(network: Network): Map<string, Distribution> {
  const { operations, classifier, initialisation } = network;
  const resnet = initialisation !== "efficientnet";
  const branchesFromZero = initialisation === "resnet";
  const branches = new Set(operations.flatMap((operation) => operation.type === "add" ? [operation.input] : []));
  const distributions = new Map<string, Distribution>();
  const constant = (name: string, value: number) => distributions.set(name, { type: "constant", value });
  for (const operation of operations) {
    if (operation.type === "convolution") {
      const { weight, bias, kernel: [height, width], outputChannels, groups } = operation;
      const fanOut = height * width * outputChannels / (resnet ? 1 : groups);
      distributions.set(weight, { type: "normal", deviation: Math.sqrt(2 / fanOut) });
      if (bias !== undefined) constant(bias, 0);
    } else if (operation.type === "batchNorm") {
      const { parameters, output } = operation;
      constant(`${parameters}.weight`, branchesFromZero && branches.has(output) ? 0 : 1);
      constant(`${parameters}.bias`, 0);
      constant(`${parameters}.running_mean`, 0);
      constant(`${parameters}.running_var`, 1);
    }
  }
  const { weight, bias, inputChannels, outputChannels } = classifier;
  const uniform: Distribution = { type: "uniform", bound: 1 / Math.sqrt(resnet ? inputChannels : outputChannels) };
  distributions.set(weight, uniform);
  if (bias !== undefined) distributions.set(bias, resnet ? uniform : { type: "constant", value: 0 });
  return distributions;
}

function draw(length: number, distribution: Distribution, seed: number, name: string): Float32Array {
  const data = new Float32Array(length);
  if (distribution.type === "constant") return data.fill(distribution.value);
  const numbers = randomNumbers(randomKey([seed, ...new TextEncoder().encode(name)]));
  for (let index = 0; index < length; index++) {
    data[index] = distribution.type === "normal"
      ? distribution.deviation * numbers.normal()
      : numbers.uniform(-distribution.bound, distribution.bound);
  }
  return data;
}
