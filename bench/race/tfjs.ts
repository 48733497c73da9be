/**
 * TensorFlow.js on WebGPU in a race. Each call submits its work; results before the last are disposed of at once.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { PARTS } from "../../kernels/operations/attention/shape.ts";
import type { AttentionNumbers, AttentionWork } from "./attention.ts";
import type { Contestant } from "./contestant.ts";
import type { GradientOperation, GradientValues } from "./gradients.ts";
import {
  EPSILON,
  isLinear,
  linearWeight,
  type PositionOperation,
  type PositionValues,
  rowsOf,
} from "./position_operations.ts";
import { type SingleOperation, type SingleValues, TFJS, weightChannelsFirst, weightChannelsLast } from "./single.ts";

/** An operation by itself; input and weights are on the device. */
export async function singleOnTfjs(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  await openTfjs();
  const { shape, kind } = operation;
  const { batch, input: [height, width], inputChannels, outputChannels, kernel } = shape;
  const weights = weightChannelsLast(operation, values.weight);
  const [input, weight] = kind === "matmul"
    ? [
      tf.tensor2d(values.input, [batch * height * width, inputChannels]),
      tf.tensor2d(weights, [inputChannels, outputChannels]),
    ]
    : [
      tf.tensor4d(values.input, [batch, height, width, inputChannels]),
      tf.tensor4d(weights, [...kernel, inputChannels, kind === "depthwise" ? 1 : outputChannels]),
    ];
  const compute = (): tf.Tensor => {
    if (kind === "matmul") return tf.matMul(input, weight);
    const [x, w] = [input as tf.Tensor4D, weight as tf.Tensor4D];
    return kind === "depthwise" ? tf.depthwiseConv2d(x, w, 1, "same") : tf.conv2d(x, w, 1, "same");
  };
  return contestant(compute, [input, weight]);
}

/** An operation on each position by itself, made of tfjs's own; input and parameters are on the device. */
export async function positionOnTfjs(operation: PositionOperation, values: PositionValues): Promise<Contestant> {
  await openTfjs();
  const input = tf.tensor2d(values.input, rowsOf(operation));
  if (operation.kind === "gelu") return contestant(() => tf.tidy(() => geluOnTfjs(input)), [input]);
  if (isLinear(operation)) {
    const weight = tf.tensor2d(linearWeight(operation, values.weight), [input.shape[1], operation.outputChannels]);
    const bias = tf.tensor1d(values.bias);
    const linear = () => tf.add(tf.matMul(input, weight), bias);
    const compute = operation.kind === "linear" ? linear : () => geluOnTfjs(linear());
    return contestant(() => tf.tidy(compute), [input, weight, bias]);
  }
  const [weight, bias] = [tf.tensor1d(values.weight), tf.tensor1d(values.bias)];
  const compute = () =>
    tf.tidy(() => {
      const { mean, variance } = tf.moments(input, 1, true);
      const normal = tf.mul(tf.sub(input, mean), tf.rsqrt(tf.add(variance, EPSILON)));
      return tf.add(tf.mul(normal, weight), bias);
    });
  return contestant(compute, [input, weight, bias]);
}

/** GELU, which tfjs does not have, of what it has. */
export function geluOnTfjs(input: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(input, 0.5), tf.add(tf.erf(tf.mul(input, Math.SQRT1_2)), 1));
}

/** Attention of two matrix products and a softmax; queries, keys and values are on the device, head by head. */
export async function attentionOnTfjs({ shape }: AttentionWork, numbers: AttentionNumbers): Promise<Contestant> {
  await openTfjs();
  const { batch, queries, heads, headChannels, scale } = shape;
  const order = [0, 2, 1, 3];
  const [query, key, value] = PARTS.map((part) =>
    tf.tidy(() => tf.transpose(tf.tensor4d(numbers[part], [batch, queries, heads, headChannels]), order))
  );
  const compute = () =>
    tf.tidy(() => {
      const scores = tf.mul(tf.matMul(query, key, false, true), scale);
      return tf.transpose(tf.matMul(tf.softmax(scores), value), order);
    });
  return contestant(compute, [query, key, value]);
}

/** A gradient, by tfjs's own kernel for it; what it is computed of is on the device. */
export async function gradientOnTfjs({ shape, of }: GradientOperation, values: GradientValues): Promise<Contestant> {
  await openTfjs();
  const { batch, input: [height, width], output, inputChannels, outputChannels, kernel } = shape;
  const filterShape = [...kernel, inputChannels, outputChannels] as [number, number, number, number];
  const inputShape = [batch, height, width, inputChannels] as [number, number, number, number];
  const input = tf.tensor4d(values.input, inputShape);
  const weight = tf.tensor4d(weightChannelsLast({ shape }, values.weight), filterShape);
  const outputGradient = tf.tensor4d(values.outputGradient, [batch, ...output, outputChannels]);
  const attributes = { strides: [1, 1], pad: "same", dataFormat: "NHWC" };
  const compute = (): tf.Tensor =>
    of === "filter"
      ? tf.engine().runKernel(tf.Conv2DBackpropFilter, { x: input, dy: outputGradient }, { ...attributes, filterShape })
      : tf.engine().runKernel(tf.Conv2DBackpropInput, { dy: outputGradient, filter: weight }, {
        ...attributes,
        inputShape,
      });
  return {
    ...contestant(compute, [input, weight, outputGradient]),
    ...(of === "filter" ? { order: (result) => weightChannelsFirst(shape, result) } : {}),
  };
}

/** Makes WebGPU the backend of tfjs. */
export async function openTfjs(): Promise<void> {
  if (!await tf.setBackend("webgpu")) throw new Error("Cannot open tfjs's WebGPU backend");
}

function contestant(compute: () => tf.Tensor, inputs: tf.Tensor[]): Contestant {
  return {
    name: TFJS,
    run: async (repetitions) => {
      let last = compute();
      for (let count = 1; count < repetitions; count++) {
        last.dispose();
        last = compute();
      }
      const data = await last.data();
      last.dispose();
      return data as Float32Array;
    },
    close: () => tf.dispose(inputs),
  };
}
