/**
 * Squeeze-and-excitation's product: y[n, h, w, c] = x[n, h, w, c] g[n, c]. The gate's padding lanes meet zeros.
 *
 * Gradients: dL/dx = dL/dy g is the same product, and runs {@linkcode multiplyKernel} on dL/dy; that of the gate is the sum
 * of dL/dy x over H and W.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { positionSums } from "../shared/position_sums.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The shape of a product.
 *
 * @param input `[N, H, W, C]`.
 * @param gate `[N, 1, 1, C]`.
 * @returns The input's shape.
 * @throws {TypeError} If the shapes do not go together.
 */
export function multiplyShape(input: Shape, gate: Shape): Shape {
  if (gate[0] !== input[0] || gate[1] !== 1 || gate[2] !== 1 || gate[3] !== input[3]) {
    throw new TypeError(`Cannot multiply [${input.join(", ")}] by a gate of shape [${gate.join(", ")}]`);
  }
  return input;
}

/**
 * The product on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param gate `[N, C]`.
 * @param shape Shape of the input.
 * @returns `[N, H, W, C]`.
 */
export function multiplyReference(input: ArrayLike<number>, gate: ArrayLike<number>, shape: Shape): Float64Array {
  const [, height, width, channels] = shape;
  return Float64Array.from(input, (value, index) => {
    const image = Math.floor(index / (height * width * channels));
    return value * gate[image * channels + index % channels];
  });
}

/**
 * The product.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `input` and `gate` (textures in the software profile) and the binding `output`.
 */
export function multiplyKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, gate: storage }, profile);
  return itemKernel({
    name: `multiply ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: [
      { name: "vectors", value: channelVectors(shape[3]) },
      { name: "imageVectors", value: tensorVectors([1, shape[1], shape[2], shape[3]]) },
    ],
    items: tensorVectors(shape),
    body: `  let lanes = item / parameters.imageVectors * parameters.vectors + item % parameters.vectors;
  output[item] = ${vector}(${reads.load("input", "item")} * ${reads.load("gate", "lanes")});`,
  });
}

/**
 * The gate's gradient on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param shape Shape of the input.
 * @returns `[N, C]`.
 */
export function multiplyGateGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  shape: Shape,
): Float64Array {
  const [batch, height, width, channels] = shape;
  const gateGradient = new Float64Array(batch * channels);
  for (let index = 0; index < input.length; index++) {
    const image = Math.floor(index / (height * width * channels));
    gateGradient[image * channels + index % channels] += input[index] * outputGradient[index];
  }
  return gateGradient;
}

/**
 * The gate's gradient.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `input` and `outputGradient` (textures in the software profile) and `gateGradient`,
 * `[N, 1, 1, C]`.
 */
export function multiplyGateGradientKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  return positionSums({
    name: `multiply gate gradient ${storage}`,
    shape,
    profile,
    reads,
    output: { name: "gateGradient", type: vector },
    term: `${reads.load("input", "at")} * ${reads.load("outputGradient", "at")}`,
    result: `${vector}(sum)`,
  });
}
