/**
 * jax-js in a race of training: a step is one function of weights and velocities, differentiated by `valueAndGrad` and
 * compiled by `jit`. It keeps no running averages, which takes a little work from it.
 *
 * @module
 */

import { type Array as JaxArray, blockUntilReady, jit, lax, nn, numpy, valueAndGrad } from "@jax-js/jax";
import type { Network } from "../../kernels/operations/network.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import { type Contestant, toChannelsFirst } from "./contestant.ts";
import { openJax } from "./jax.ts";
import { JAX } from "./single.ts";
import { oneHot, trainedNames, type Training } from "./training.ts";

type Weights = Record<string, JaxArray>;

/** A training; images and targets are on the device. */
export async function trainingOnJax(training: Training): Promise<Contestant> {
  await openJax();
  const { network, parameters, batch, size, learningRate, momentum } = training;
  const names = trainedNames(network);
  const arrays = (make: (name: string) => JaxArray): Weights =>
    Object.fromEntries(names.map((name) => [name, make(name)]));
  let weights = arrays((name) =>
    numpy.array(new Float32Array(parameters.get(name)!.data)).reshape([...parameters.get(name)!.shape])
  );
  let velocities = arrays((name) => numpy.zeros([...parameters.get(name)!.shape]));
  const images = numpy.array(toChannelsFirst(training.images, batch, 3)).reshape([batch, 3, ...size]);
  const targets = numpy.array(oneHot(training)).reshape([batch, network.classifier.outputChannels]);
  const step = jit((weights: Weights, velocities: Weights, images: JaxArray, targets: JaxArray) => {
    const given = arrays((name) => weights[name].ref);
    const [loss, gradients] = valueAndGrad((weights: Weights) => meanLoss(network, weights, images, targets))(
      given,
    ) as [JaxArray, Weights];
    const moved = arrays((name) => velocities[name].mul(momentum).add(gradients[name]));
    return [arrays((name) => weights[name].sub(moved[name].ref.mul(learningRate))), moved, loss];
  });
  await blockUntilReady([weights, velocities, images, targets]);
  return {
    name: JAX,
    run: async (repetitions) => {
      const losses: JaxArray[] = [];
      for (let count = 0; count < repetitions; count++) {
        const [next, moved, loss] = step(weights, velocities, images.ref, targets.ref) as [Weights, Weights, JaxArray];
        weights = next;
        velocities = moved;
        losses.push(loss);
      }
      await blockUntilReady([weights, velocities]);
      return await numpy.stack(losses).data() as Float32Array;
    },
    close: () => {
      for (const array of [images, targets, ...Object.values(weights), ...Object.values(velocities)]) array.dispose();
    },
  };
}

/** Arrays are used up by what reads them: whatever is read again is read by `ref`. */
function meanLoss(network: Network, weights: Weights, images: JaxArray, targets: JaxArray): JaxArray {
  const tensors: Weights = { [network.input]: images };
  for (const operation of network.operations) tensors[operation.output] = compute(operation, tensors, weights);
  const { features, classifier } = network;
  const pooled = numpy.mean(tensors[features].ref, [2, 3]);
  const logits = numpy.matmul(pooled, weights[classifier.weight].ref.transpose()).add(weights[classifier.bias!].ref);
  const perImage = numpy.sum(nn.logSoftmax(logits, -1).mul(targets), -1);
  return numpy.mean(perImage).neg();
}

function compute(operation: Operation, tensors: Weights, weights: Weights): JaxArray {
  const input = tensors[operation.input].ref;
  switch (operation.type) {
    case "convolution": {
      const { weight, stride, padding } = operation;
      if (padding === "same") throw new TypeError("Cannot pad so here");
      return lax.convGeneralDilated(
        input,
        weights[weight].ref,
        [...stride],
        padding.map((side) => [side, side] as [number, number]),
      );
    }
    case "batchNorm": {
      const { parameters, channels, epsilon } = operation;
      const axes = [0, 2, 3];
      const centred = input.ref.sub(numpy.mean(input, axes, { keepdims: true }));
      const variance = numpy.mean(numpy.square(centred.ref), axes, { keepdims: true });
      const [scale, shift] = ["weight", "bias"].map((name) =>
        weights[`${parameters}.${name}`].ref.reshape([1, channels, 1, 1])
      );
      return centred.div(numpy.sqrt(variance.add(epsilon))).mul(scale).add(shift);
    }
    case "activation":
      if (operation.function === "relu") return nn.relu(input);
      break;
    case "add":
      return input.add(tensors[operation.residual].ref);
  }
  throw new TypeError(`Cannot train ${operation.type} here`);
}
