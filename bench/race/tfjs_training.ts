/**
 * TensorFlow.js in a race of training: its own operations, automatic differentiation and momentum optimizer. It keeps no
 * running averages, which takes a little work from it.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
// The gradients of the operations come with the layers.
import "@tensorflow/tfjs-layers";
import type { Convolution } from "../../kernels/operations/convolution/rule.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import type { Contestant } from "./contestant.ts";
import { TFJS, weightChannelsLast } from "./single.ts";
import { openTfjs } from "./tfjs.ts";
import { oneHot, trainedNames, type Training } from "./training.ts";

/** A training; images and targets are on the device. */
export async function trainingOnTfjs(training: Training): Promise<Contestant> {
  await openTfjs();
  const { network, parameters, batch, size, learningRate, momentum } = training;
  const { features, classifier } = network;
  const convolutions = new Map(
    network.operations.filter(({ type }) => type === "convolution").map((operation) => operation as Convolution)
      .map((operation) => [operation.weight, operation]),
  );
  const variables = new Map(
    trainedNames(network).map((name) => {
      const { shape, data } = parameters.get(name)!;
      const convolution = convolutions.get(name);
      const [outputs, inputs, ...kernel] = shape;
      const value = convolution
        ? tf.tensor(weightChannelsLast({ shape: convolution }, data), [...kernel, inputs, outputs])
        : tf.tensor(data, [...shape]);
      return [name, tf.variable(value)];
    }),
  );
  const images = tf.tensor4d(training.images, [batch, ...size, 3]);
  const targets = tf.tensor2d(oneHot(training), [batch, classifier.outputChannels]);
  const loss = (): tf.Scalar => {
    const tensors = new Map<string, tf.Tensor>([[network.input, images]]);
    for (const operation of network.operations) tensors.set(operation.output, compute(operation, tensors, variables));
    const pooled = tf.mean(tensors.get(features)!, [1, 2]) as tf.Tensor2D;
    const weight = variables.get(classifier.weight) as tf.Variable;
    const logits = tf.add(tf.matMul(pooled, weight as tf.Tensor2D, false, true), variables.get(classifier.bias!)!);
    return tf.losses.softmaxCrossEntropy(targets, logits) as tf.Scalar;
  };
  const optimizer = tf.train.momentum(learningRate, momentum);
  return {
    name: TFJS,
    run: async (repetitions) => {
      const losses = Array.from({ length: repetitions }, () => optimizer.minimize(loss, true)!);
      const all = tf.stack(losses);
      const data = await all.data();
      tf.dispose([...losses, all]);
      return data as Float32Array;
    },
    close: () => {
      tf.dispose([images, targets, ...variables.values()]);
      optimizer.dispose();
    },
  };
}

function compute(
  operation: Operation,
  tensors: ReadonlyMap<string, tf.Tensor>,
  variables: ReadonlyMap<string, tf.Variable>,
): tf.Tensor {
  const input = tensors.get(operation.input)! as tf.Tensor4D;
  switch (operation.type) {
    case "convolution": {
      const { weight, stride, padding } = operation;
      if (padding === "same" || padding[0] !== padding[1]) throw new TypeError("Cannot pad so here");
      return tf.conv2d(input, variables.get(weight) as tf.Tensor as tf.Tensor4D, [...stride], padding[0]);
    }
    case "batchNorm": {
      const { mean, variance } = tf.moments(input, [0, 1, 2]);
      const [scale, offset] = ["weight", "bias"].map((name) => variables.get(`${operation.parameters}.${name}`)!);
      return tf.batchNorm(
        input,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor as tf.Tensor1D,
        scale as tf.Tensor as tf.Tensor1D,
        operation.epsilon,
      );
    }
    case "activation":
      if (operation.function === "relu") return tf.relu(input);
      break;
    case "add":
      return tf.add(input, tensors.get(operation.residual)!);
  }
  throw new TypeError(`Cannot train ${operation.type} here`);
}
