/**
 * Global average pooling: the mean over H and W, `[N, H, W, C]` to `[N, 1, 1, C]`. Of a feature map it makes what a
 * classifier takes, of a map of logits the logits of the whole image.
 *
 * Its gradient spreads: every position gets 1 / (H W) of the mean's gradient.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { positionSums } from "../shared/position_sums.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** The shape of the mean. */
export function globalAveragePoolShape([batch, , , channels]: Shape): Shape {
  return [batch, 1, 1, channels];
}

/**
 * The mean over H and W on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape Shape of the input.
 * @returns `[N, C]`.
 */
export function globalAveragePoolReference(input: ArrayLike<number>, shape: Shape): Float64Array {
  const [batch, height, width, channels] = shape;
  const output = new Float64Array(batch * channels);
  for (let n = 0; n < batch; n++) {
    for (let position = 0; position < height * width; position++) {
      for (let channel = 0; channel < channels; channel++) {
        output[n * channels + channel] += input[(n * height * width + position) * channels + channel];
      }
    }
  }
  return output.map((sum) => sum / (height * width));
}

/**
 * The mean over H and W.
 *
 * @param options `shape` of what is pooled; into how many `runs` its positions are summed already, if they are.
 * @returns A kernel with `input` (a texture in the software profile), of sums f32 `[N, runs, 1, C]`, and the binding `output`.
 */
export function globalAveragePoolKernel(options: { shape: Shape; runs?: number } & Target): Kernel {
  const { shape, runs, profile, storage } = options;
  const vector = vectorType(storage);
  const [batch, height, width, channels] = shape;
  const summed = runs !== undefined;
  const reads = readTensors({ input: summed ? "f32" : storage }, profile);
  return positionSums({
    name: `global average pool ${summed ? "of sums " : ""}${storage}`,
    shape: summed ? [batch, runs, 1, channels] : shape,
    profile,
    reads,
    parameters: summed ? [{ name: "count", value: height * width }] : [],
    output: { name: "output", type: vector },
    term: reads.load("input", "at"),
    result: `${vector}(sum / f32(parameters.${summed ? "count" : "positions"}))`,
  });
}

/**
 * The gradient of the mean on the CPU.
 *
 * @param outputGradient `[N, C]`.
 * @param shape Shape of the input.
 * @returns `[N, H, W, C]`.
 */
export function globalAveragePoolGradientReference(outputGradient: ArrayLike<number>, shape: Shape): Float64Array {
  const [batch, height, width, channels] = shape;
  return Float64Array.from({ length: batch * height * width * channels }, (_, index) => {
    const image = Math.floor(index / (height * width * channels));
    return outputGradient[image * channels + index % channels] / (height * width);
  });
}

/**
 * The gradient of the mean.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `outputGradient` (a texture in the software profile) and the binding `inputGradient`.
 */
export function globalAveragePoolGradientKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ outputGradient: storage }, profile);
  return itemKernel({
    name: `global average pool gradient ${storage}`,
    profile,
    bindings: { ...reads.bindings, inputGradient: vector },
    parameters: [
      { name: "vectors", value: channelVectors(shape[3]) },
      { name: "positions", value: shape[1] * shape[2] },
    ],
    items: tensorVectors(shape),
    body: `  let image = item / (parameters.vectors * parameters.positions);
  let lanes = image * parameters.vectors + item % parameters.vectors;
  inputGradient[item] = ${vector}(${reads.load("outputGradient", "lanes")} / f32(parameters.positions));`,
  });
}
