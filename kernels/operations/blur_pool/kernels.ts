/**
 * Blur pooling: each channel under the filter [1, 2, 1] / 4 along both axes, with a stride, so that a shift of the image
 * changes little (timm's BlurPool2d of `filt_size` 3; Zhang, "Making Convolutional Networks Shift-Invariant Again", 2019).
 * One row or column of padding on each side holds zeros, or the reflection of those next to the border; an axis of length
 * 1 is its own reflection.
 *
 * The filter is a product of one for each axis, and so is the weight w of input (y, x) in output (v, u): dL/dx[y, x] is the
 * sum of w(v, y) w(u, x) dL/dy[v, u].
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import type { Pair } from "../shared/window.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** What a blur pool is. */
export interface BlurPoolOptions {
  readonly stride: Pair;
  readonly padding: "reflect" | "zeros";
}

/** The filter along an axis. */
const FILTER = [0.25, 0.5, 0.25];

/** The shape of a blur pool's output: `[N, ceil(H / stride), ceil(W / stride), C]`. */
export function blurPoolShape([batch, height, width, channels]: Shape, { stride }: BlurPoolOptions): Shape {
  return [batch, Math.ceil(height / stride[0]), Math.ceil(width / stride[1]), channels];
}

/** What stands at a place of an axis that may lie one beyond its ends: a place of the axis, or -1 for zero. */
function placeAt(place: number, length: number, padding: BlurPoolOptions["padding"]): number {
  if (place >= 0 && place < length) return place;
  if (padding === "zeros") return -1;
  return Math.max(0, place < 0 ? Math.min(1, length - 1) : length - 2);
}

/** Calls a function with every output element, the input elements under its filter, and their weights. */
function eachTap(
  shape: Shape,
  options: BlurPoolOptions,
  visit: (output: number, input: number, weight: number) => void,
) {
  const [batch, height, width, channels] = shape;
  const [, outputHeight, outputWidth] = blurPoolShape(shape, options);
  const { stride, padding } = options;
  let index = 0;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < outputHeight; y++) {
      for (let x = 0; x < outputWidth; x++) {
        for (let channel = 0; channel < channels; channel++) {
          for (let dy = 0; dy < 3; dy++) {
            for (let dx = 0; dx < 3; dx++) {
              const row = placeAt(y * stride[0] + dy - 1, height, padding);
              const column = placeAt(x * stride[1] + dx - 1, width, padding);
              if (row < 0 || column < 0) continue;
              const input = ((image * height + row) * width + column) * channels + channel;
              visit(index, input, FILTER[dy] * FILTER[dx]);
            }
          }
          index++;
        }
      }
    }
  }
}

/**
 * Blur pooling on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape Shape of the input.
 * @param options Stride and padding.
 * @returns The output, of {@linkcode blurPoolShape}.
 */
export function blurPoolReference(input: ArrayLike<number>, shape: Shape, options: BlurPoolOptions): Float64Array {
  const output = new Float64Array(blurPoolShape(shape, options).reduce((product, size) => product * size));
  eachTap(shape, options, (index, from, weight) => output[index] += weight * input[from]);
  return output;
}

/**
 * The gradient of blur pooling on the CPU.
 *
 * @param outputGradient The gradient of the output, in the output's shape.
 * @param shape Shape of the input.
 * @param options Stride and padding.
 * @returns The gradient of the input.
 */
export function blurPoolGradientReference(
  outputGradient: ArrayLike<number>,
  shape: Shape,
  options: BlurPoolOptions,
): Float64Array {
  const inputGradient = new Float64Array(shape.reduce((product, size) => product * size));
  eachTap(shape, options, (index, from, weight) => inputGradient[from] += weight * outputGradient[index]);
  return inputGradient;
}

function blurParameters(shape: Shape, options: BlurPoolOptions): { name: string; value: number }[] {
  const output = blurPoolShape(shape, options);
  return [
    { name: "inputY", value: shape[1] },
    { name: "inputX", value: shape[2] },
    { name: "outputY", value: output[1] },
    { name: "outputX", value: output[2] },
    { name: "strideY", value: options.stride[0] },
    { name: "strideX", value: options.stride[1] },
    { name: "vectors", value: channelVectors(shape[3]) },
  ];
}

/**
 * WGSL of the weight of each tap at places along an axis. Places are one more than they are, so that none is below zero;
 * what stands beyond the ends has weight zero, or is given to the place that it reflects.
 */
function tapFunctions(padding: BlurPoolOptions["padding"]): string {
  return `
/** The place of the axis that a tap reads. */
fn placeOf(tap: u32, length: u32) -> u32 {
  ${
    padding === "zeros" ? "return min(max(tap, 1u) - 1u, length - 1u);" : `let inside = select(tap - 1u, 1u, tap == 0u);
  return min(select(inside, max(length, 2u) - 2u, inside == length), length - 1u);`
  }
}

/** The weight of a tap. */
fn weightOf(tap: u32, first: u32, length: u32) -> f32 {
  let weight = select(0.25, 0.5, tap == first + 1u);
  return ${padding === "zeros" ? "select(0.0, weight, (tap != 0u) & (tap <= length))" : "weight"};
}
`;
}

/**
 * Blur pooling, one invocation for 4 channels of an output position.
 *
 * @param options `shape` of the input; stride and padding.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `output`.
 */
export function blurPoolKernel(options: { shape: Shape; pool: BlurPoolOptions } & Target): Kernel {
  const { shape, pool, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `blur pool ${pool.padding} ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: blurParameters(shape, pool),
    items: tensorVectors(blurPoolShape(shape, pool)),
    functions: tapFunctions(pool.padding),
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let firstX = position % parameters.outputX * parameters.strideX;
  let firstY = position / parameters.outputX % parameters.outputY * parameters.strideY;
  let image = position / (parameters.outputX * parameters.outputY);
  var result = vec4<f32>(0.0);
  for (var y = firstY; y < firstY + 3u; y++) {
    let row = (image * parameters.inputY + placeOf(y, parameters.inputY)) * parameters.inputX;
    let weight = weightOf(y, firstY, parameters.inputY);
    for (var x = firstX; x < firstX + 3u; x++) {
      let at = (row + placeOf(x, parameters.inputX)) * parameters.vectors + lanes;
      result += weight * weightOf(x, firstX, parameters.inputX) * ${reads.load("input", "at")};
    }
  }
  output[item] = ${vector}(result);`,
  });
}

/**
 * The gradient of blur pooling, one invocation for 4 channels of a position of the input.
 *
 * @param options `shape` of the input; stride and padding.
 * @returns A kernel with `outputGradient` (a texture in the software profile) and the binding `inputGradient`.
 */
export function blurPoolGradientKernel(options: { shape: Shape; pool: BlurPoolOptions } & Target): Kernel {
  const { shape, pool, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ outputGradient: storage }, profile);
  return itemKernel({
    name: `blur pool gradient ${pool.padding} ${storage}`,
    profile,
    bindings: { ...reads.bindings, inputGradient: vector },
    parameters: blurParameters(shape, pool),
    items: tensorVectors(shape),
    functions: `${tapFunctions(pool.padding)}
/** The weight of a place in an output element: that of all taps that read it. */
fn shareOf(output: u32, place: u32, stride: u32, length: u32) -> f32 {
  let first = output * stride;
  var share = 0.0;
  for (var tap = first; tap < first + 3u; tap++) {
    share += select(0.0, weightOf(tap, first, length), placeOf(tap, length) == place);
  }
  return share;
}

/** The first output element that may read a place. */
fn firstReader(place: u32, stride: u32) -> u32 {
  return (max(place, 1u) - 1u) / stride;
}

/** The end of those that may: that of all where the end of the axis is reflected. */
fn endReader(place: u32, stride: u32, length: u32, outputs: u32) -> u32 {
  return select(min((place + 1u) / stride + 1u, outputs), outputs, place + 2u >= length);
}
`,
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let x = position % parameters.inputX;
  let y = position / parameters.inputX % parameters.inputY;
  let image = position / (parameters.inputX * parameters.inputY);
  let endV = endReader(y, parameters.strideY, parameters.inputY, parameters.outputY);
  let endU = endReader(x, parameters.strideX, parameters.inputX, parameters.outputX);
  var result = vec4<f32>(0.0);
  for (var v = firstReader(y, parameters.strideY); v < endV; v++) {
    let row = (image * parameters.outputY + v) * parameters.outputX;
    let weight = shareOf(v, y, parameters.strideY, parameters.inputY);
    for (var u = firstReader(x, parameters.strideX); u < endU; u++) {
      let at = (row + u) * parameters.vectors + lanes;
      result += weight * shareOf(u, x, parameters.strideX, parameters.inputX) * ${reads.load("outputGradient", "at")};
    }
  }
  inputGradient[item] = ${vector}(result);`,
  });
}
