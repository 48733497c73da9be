/**
 * Pooling: the largest or the mean of the elements under a window, each channel by itself.
 *
 * | mode | output | padding counts as |
 * | --- | --- | --- |
 * | max | max over the window | not there |
 * | max, `zeroPadding` | max over the window | 0 |
 * | average, `countPadding` | sum / elements under the window, padding included | 0 |
 * | average | sum / elements of the input under the window | not there |
 *
 * As in PyTorch, what a window of `ceilMode` covers beyond the padding is never counted, and padding is at most half of
 * the kernel, so that no window is empty. Neither mode mixes lanes: zero padding lanes stay zero.
 *
 * All sizes are parameters, so that every pool of a mode is one pipeline.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { type Padding, type Pair, type WindowAxis, windowAxis } from "../shared/window.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";

/**
 * What a pool is. Padding is minus infinity for `max` unless `zeroPadding` is true; `average` counts padding as zeros
 * unless `countPadding` is false.
 */
export interface PoolOptions {
  readonly mode: "max" | "average";
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  /** Round the output size up (PyTorch's `ceil_mode`); default false. */
  readonly ceilMode?: boolean;
  /** PyTorch's `count_include_pad`; default true. */
  readonly countPadding?: boolean;
  /** Whether padding is zeros for `max`, as of an image that was padded before; not with `ceilMode`. Default false. */
  readonly zeroPadding?: boolean;
}

/**
 * The shape of a pool's output.
 *
 * @param shape Shape of the input.
 * @param options Window and padding.
 * @returns `[N, H, W, C]`.
 * @throws {RangeError} If the window does not fit, or padding is more than half of it.
 */
export function poolShape(shape: Shape, options: PoolOptions): Shape {
  const [y, x] = poolWindows(shape, options);
  return [shape[0], y.output, x.output, shape[3]];
}

/** The windows' way along both axes; errors as {@linkcode poolShape}'s. */
export function poolWindows(
  shape: Shape,
  { kernel, stride, padding, ceilMode }: PoolOptions,
): [WindowAxis, WindowAxis] {
  if (padding !== "same" && padding.some((size, axis) => size > kernel[axis] / 2)) {
    throw new RangeError(
      `Cannot pool with padding ${padding.join(" x ")}: more than half of kernel ${kernel.join(" x ")}`,
    );
  }
  const axis = (index: 0 | 1) =>
    windowAxis({
      input: shape[1 + index],
      kernel: kernel[index],
      stride: stride[index],
      padding: padding === "same" ? "same" : padding[index],
      ceilMode,
    });
  return [axis(0), axis(1)];
}

/**
 * Pooling on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape Shape of the input.
 * @param options Mode, window and padding.
 * @returns The output, of {@linkcode poolShape}.
 */
export function poolReference(input: ArrayLike<number>, shape: Shape, options: PoolOptions): Float64Array {
  const [batch, height, width, channels] = shape;
  const { mode, kernel, stride, countPadding = true, zeroPadding = false } = options;
  const [yWindow, xWindow] = poolWindows(shape, options);
  const output = new Float64Array(batch * yWindow.output * xWindow.output * channels);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < yWindow.output; y++) {
      for (let x = 0; x < xWindow.output; x++) {
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          let largest = -Infinity;
          let counted = 0;
          for (let dy = 0; dy < kernel[0]; dy++) {
            for (let dx = 0; dx < kernel[1]; dx++) {
              const top = y * stride[0] - yWindow.before + dy;
              const left = x * stride[1] - xWindow.before + dx;
              if (top >= 0 && top < height && left >= 0 && left < width) {
                const value = input[((n * height + top) * width + left) * channels + channel];
                sum += value;
                largest = Math.max(largest, value);
                counted++;
              } else if (mode === "max") largest = zeroPadding ? Math.max(largest, 0) : largest;
              else if (countPadding && top < height + yWindow.after && left < width + xWindow.after) counted++;
            }
          }
          output[index++] = mode === "max" ? largest : sum / counted;
        }
      }
    }
  }
  return output;
}

/**
 * The uniform members that place the windows.
 *
 * @param shape Shape of the input.
 * @param options Window and padding.
 * @param padded Whether a kernel asks for the padded extent, too.
 * @returns Values in order.
 */
export function poolParameters(shape: Shape, options: PoolOptions, padded: boolean): { name: string; value: number }[] {
  const { kernel, stride } = options;
  const [y, x] = poolWindows(shape, options);
  const pair = (name: string, [vertical, horizontal]: Pair) => [
    { name: `${name}Y`, value: vertical },
    { name: `${name}X`, value: horizontal },
  ];
  return [
    ...pair("input", [shape[1], shape[2]]),
    ...pair("output", [y.output, x.output]),
    ...pair("kernel", kernel),
    ...pair("stride", stride),
    ...pair("before", [y.before, x.before]),
    ...(padded ? pair("padded", [y.before + shape[1] + y.after, x.before + shape[2] + x.after]) : []),
    { name: "vectors", value: channelVectors(shape[3]) },
  ];
}

/**
 * Pooling, one invocation for 4 channels of an output position.
 *
 * @param options `shape` of the input; mode, window and padding.
 * @returns A kernel with the bindings `input` and `output`.
 * @throws {RangeError} As {@linkcode poolShape}.
 */
export function poolKernel(options: { shape: Shape; pool: PoolOptions } & Target): Kernel {
  const { shape, pool, profile, storage } = options;
  const { mode, countPadding = true, zeroPadding = false } = pool;
  const [y, x] = poolWindows(shape, pool);
  const vector = vectorType(storage);
  const counted = mode === "average" && countPadding;
  const zeros = mode === "max" && zeroPadding;
  const rule = zeros ? "max with zeros" : mode === "max" ? "max" : counted ? "average with padding" : "average";
  const start = mode === "max" ? "-3.4028234e38" : "0.0";
  const step = mode === "max" ? "result = max(result, value);" : "result += value;";
  // Coordinates of the padded image, so that no number is negative.
  const area = counted
    ? `min(startY + parameters.kernelY, parameters.paddedY) - startY) *
    (min(startX + parameters.kernelX, parameters.paddedX) - startX`
    : "endY - firstY) * (endX - firstX";
  return itemKernel({
    name: `pool ${rule} ${storage}`,
    profile,
    bindings: { input: vector, output: vector },
    parameters: poolParameters(shape, pool, counted),
    items: tensorVectors([shape[0], y.output, x.output, shape[3]]),
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let startX = position % parameters.outputX * parameters.strideX;
  let startY = position / parameters.outputX % parameters.outputY * parameters.strideY;
  let image = position / (parameters.outputX * parameters.outputY);
  let firstX = max(startX, parameters.beforeX);
  let firstY = max(startY, parameters.beforeY);
  let endX = min(startX + parameters.kernelX, parameters.beforeX + parameters.inputX);
  let endY = min(startY + parameters.kernelY, parameters.beforeY + parameters.inputY);
  var result = vec4<f32>(${start});
  for (var y = firstY; y < endY; y++) {
    let row = (image * parameters.inputY + y - parameters.beforeY) * parameters.inputX;
    for (var x = firstX; x < endX; x++) {
      let value = vec4<f32>(input[(row + x - parameters.beforeX) * parameters.vectors + lanes]);
      ${step}
    }
  }
  ${
      zeros
        ? `if ((${area}) < parameters.kernelY * parameters.kernelX) { result = max(result, vec4<f32>(0.0)); }\n  `
        : mode === "max"
        ? ""
        : `result /= f32((${area}));\n  `
    }output[item] = ${vector}(result);`,
  });
}
