/**
 * Networks on TensorFlow.js in a race: of its own operations, one after the other.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import { type AttentionOptions, PARTS } from "../../kernels/operations/attention/shape.ts";
import type { Convolution } from "../../kernels/operations/convolution/rule.ts";
import { isDepthwise } from "../../kernels/operations/convolution/shape.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import type { Contestant } from "./contestant.ts";
import type { NetworkPass } from "./network_passes.ts";
import { TFJS, weightChannelsLast } from "./single.ts";
import { geluOnTfjs, openTfjs } from "./tfjs.ts";

type Tensors = ReadonlyMap<string, tf.Tensor>;

/** A network up to its label map; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnTfjs(pass: NetworkPass): Promise<Contestant> {
  await openTfjs();
  const { network, operations, parameters, input, shape } = pass;
  const convolutions = new Map(
    operations.filter(({ type }) => type === "convolution").map((operation) => operation as Convolution)
      .map((operation) => [operation.weight, operation]),
  );
  const weights: Tensors = new Map(
    [...parameters].map(([name, { shape, data }]) => {
      const convolution = convolutions.get(name);
      if (!convolution) return [name, tf.tensor(data, [...shape])];
      const [outputs, inputs, ...kernel] = shape;
      const own = isDepthwise(convolution) ? [outputs, 1] : [inputs, outputs];
      return [name, tf.tensor(weightChannelsLast({ shape: convolution }, data), [...kernel, ...own])];
    }),
  );
  const compute = (image: tf.Tensor) =>
    tf.tidy(() => {
      const tensors = new Map([[network.input, image]]);
      for (const operation of operations) tensors.set(operation.output, translate(operation, tensors, weights));
      return tensors.get(network.dense.output)!;
    });
  return {
    name: TFJS,
    run: async (repetitions) => {
      let result = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        const image = tf.tensor4d(input, [...shape]);
        const output = compute(image);
        result = await output.data() as Float32Array<ArrayBuffer>;
        tf.dispose([image, output]);
      }
      return result;
    },
    close: () => tf.dispose([...weights.values()]),
  };
}

function translate(operation: Operation, tensors: Tensors, weights: Tensors): tf.Tensor {
  const input = tensors.get(operation.input)! as tf.Tensor4D;
  const [batch, height, width, channels] = input.shape;
  const weight = (name: string) => weights.get(name)!;
  const shifted = (value: tf.Tensor, bias: string | undefined) =>
    bias === undefined ? value : tf.add(value, weight(bias));
  switch (operation.type) {
    case "convolution": {
      const { stride, padding, bias } = operation;
      if (padding === "same" || padding[0] !== padding[1]) throw new TypeError("Cannot pad so here");
      const filter = weight(operation.weight) as tf.Tensor4D;
      const convolve = isDepthwise(operation) ? tf.depthwiseConv2d : tf.conv2d;
      return shifted(convolve(input, filter, [...stride], padding[0]), bias);
    }
    case "linear": {
      const rows = tf.reshape(input, [batch * height * width, channels]);
      const product = tf.matMul(rows, weight(operation.weight) as tf.Tensor2D, false, true);
      return tf.reshape(shifted(product, operation.bias), [batch, height, width, operation.outputChannels]);
    }
    case "channelNorm": {
      const { mean, variance } = tf.moments(input, 3, true);
      const normal = tf.mul(tf.sub(input, mean), tf.rsqrt(tf.add(variance, operation.epsilon)));
      return shifted(tf.mul(normal, weight(operation.weight!)), operation.bias);
    }
    case "activation":
      if (operation.function === "gelu") return geluOnTfjs(input);
      break;
    case "scale":
      return tf.mul(input, weight(operation.weight!));
    case "add":
      return tf.add(input, tensors.get(operation.residual)!);
    case "prefixTokens": {
      const tokens = operation.tokens.map(({ parameter, count }) =>
        tf.tile(tf.reshape(weight(parameter), [1, 1, count, channels]), [batch, 1, 1, 1])
      );
      return tf.concat([...tokens, tf.reshape(input, [batch, 1, height * width, channels])], 2);
    }
    case "positionEmbedding":
      return tf.add(input, tf.reshape(weight(operation.parameter), [1, height, width, channels]));
    case "attention":
      return attend(operation, tensors);
    case "takePositions": {
      const { first, count, grid = [1, count] } = operation;
      return tf.reshape(tf.slice(input, [0, 0, first, 0], [batch, 1, count, channels]), [batch, ...grid, channels]);
    }
    case "takeChannels":
      return tf.slice(input, [0, 0, 0, operation.first], [batch, height, width, operation.count]);
  }
  throw new TypeError(`Cannot compute ${operation.type} here`);
}

function attend(options: AttentionOptions, tensors: Tensors): tf.Tensor {
  const { heads, headChannels, scale } = options;
  const order = [0, 2, 1, 3];
  const [query, key, value] = PARTS.map((part) => {
    const { tensor, offset } = options[part];
    const all = tensors.get(tensor)!;
    const [batch, , positions] = all.shape;
    const run = tf.slice(all, [0, 0, 0, offset], [batch, 1, positions, heads * headChannels]);
    return tf.transpose(tf.reshape(run, [batch, positions, heads, headChannels]), order);
  });
  const mixed = tf.matMul(tf.softmax(tf.mul(tf.matMul(query, key, false, true), scale)), value);
  const [batch, , queries] = query.shape;
  return tf.reshape(tf.transpose(mixed, order), [batch, 1, queries, heads * headChannels]);
}
