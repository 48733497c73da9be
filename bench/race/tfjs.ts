/**
 * TensorFlow.js on WebGPU in a race. Each call submits its work; results before the last are disposed of at once.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import type { Contestant } from "./contestant.ts";
import { type SingleOperation, type SingleValues, TFJS, weightChannelsLast } from "./single.ts";

/** An operation by itself; input and weights are on the device. */
export async function singleOnTfjs(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  if (!await tf.setBackend("webgpu")) throw new Error("Cannot open tfjs's WebGPU backend");
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
  return {
    name: TFJS,
    layout: "NHWC",
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
    close: () => tf.dispose([input, weight]),
  };
}
