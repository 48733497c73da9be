/**
 * The product with a gate: of each channel, y[n, h, w, c] = x[n, h, w, c] g[n, c], as squeeze-and-excitation has it, or of
 * each element, as gated units have it (SwiGLU). The gate's padding lanes meet zeros.
 *
 * Gradients: dL/dx = dL/dy g is the same product, and runs {@linkcode multiplyKernel} on dL/dy. That of the gate is dL/dy x,
 * the same product again where each element has its gate, else its sum over H and W.
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
 * @param gate `[N, 1, 1, C]`, or the input's shape.
 * @returns The input's shape.
 * @throws {TypeError} If the shapes do not go together.
 */
export function multiplyShape(input: Shape, gate: Shape): Shape {
  const [batch, , , channels] = input;
  if (![input, [batch, 1, 1, channels]].some((shape) => shape.every((size, axis) => size === gate[axis]))) {
    throw new TypeError(`Cannot multiply [${input.join(", ")}] by a gate of shape [${gate.join(", ")}]`);
  }
  return input;
}

/** Whether each element has a gate of its own, and not each channel of an image. */
export function gatesElements([, height, width]: Shape): boolean {
  return height * width > 1;
}

/**
 * The product on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param gate `[N, C]`, or as many elements as the input has.
 * @param shape Shape of the input.
 * @returns `[N, H, W, C]`.
 */
export function multiplyReference(input: ArrayLike<number>, gate: ArrayLike<number>, shape: Shape): Float64Array {
  const [, height, width, channels] = shape;
  if (gate.length === input.length) return Float64Array.from(input, (value, index) => value * gate[index]);
  return Float64Array.from(input, (value, index) => {
    const image = Math.floor(index / (height * width * channels));
    return value * gate[image * channels + index % channels];
  });
}

/**
 * The product.
 *
 * @param options `shape` of the input and of the `gate`.
 * @returns A kernel with `input` and `gate` (textures in the software profile) and the binding `output`.
 */
export function multiplyKernel(options: { shape: Shape; gate: Shape } & Target): Kernel {
  const { shape, gate, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, gate: storage }, profile);
  if (gatesElements(gate)) {
    return itemKernel({
      name: `multiply elements ${storage}`,
      profile,
      bindings: { ...reads.bindings, output: vector },
      parameters: [],
      items: tensorVectors(shape),
      body: `  output[item] = ${vector}(${reads.load("input", "item")} * ${reads.load("gate", "item")});`,
    });
  }
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
 * The gradient of a gate of each channel on the CPU.
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
 * The gradient of a gate of each channel.
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
