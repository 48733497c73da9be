/**
 * The gradient of pooling: an element of the input gathers from every window that it is in, so that nothing is
 * scattered and windows may overlap.
 *
 * | mode | what it takes of a window's gradient |
 * | --- | --- |
 * | max | all, if it is the first of the window's largest elements in row-major order (PyTorch's rule); zeros of the padding take what is theirs, and are taken to come last |
 * | average | 1 / (elements counted under the window) |
 *
 * Window o of an axis begins at o stride in the padded input, so that the ones over place p are those from
 * floor((p - kernel) / stride) + 1 to floor(p / stride). Whether an element is the first of the largest is seen from
 * the saved output, which it must equal, and from the elements before it in the window, which must not.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { type PoolOptions, poolParameters, poolWindows } from "./kernels.ts";
import { itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The gradient of pooling on the CPU, scattered window by window.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the output's shape.
 * @param shape Shape of the input.
 * @param options Mode, window and padding.
 * @returns `[N, H, W, C]`.
 */
export function poolGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  shape: Shape,
  options: PoolOptions,
): Float64Array {
  const [batch, height, width, channels] = shape;
  const { mode, kernel, stride, countPadding = true, zeroPadding = false } = options;
  const [yWindow, xWindow] = poolWindows(shape, options);
  const inputGradient = new Float64Array(input.length);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < yWindow.output; y++) {
      for (let x = 0; x < xWindow.output; x++) {
        for (let channel = 0; channel < channels; channel++) {
          const places: number[] = [];
          let counted = 0;
          for (let dy = 0; dy < kernel[0]; dy++) {
            for (let dx = 0; dx < kernel[1]; dx++) {
              const top = y * stride[0] - yWindow.before + dy;
              const left = x * stride[1] - xWindow.before + dx;
              if (top >= 0 && top < height && left >= 0 && left < width) {
                places.push(((n * height + top) * width + left) * channels + channel);
                counted++;
              } else if (countPadding && top < height + yWindow.after && left < width + xWindow.after) counted++;
            }
          }
          const gradient = outputGradient[index++];
          if (mode === "max") {
            const best = places.reduce((best, place) => input[place] > input[best] ? place : best);
            const isPadding = zeroPadding && places.length < kernel[0] * kernel[1] && input[best] < 0;
            if (!isPadding) inputGradient[best] += gradient;
          } else for (const place of places) inputGradient[place] += gradient / counted;
        }
      }
    }
  }
  return inputGradient;
}

/**
 * The gradient of pooling, one invocation for 4 channels of a position of the input.
 *
 * @param options `shape` of the input; mode, window and padding.
 * @returns A kernel with `outputGradient`, for max also `input` and `output` (textures in the software profile), and
 * the binding `inputGradient`.
 * @throws {RangeError} If the window does not fit, or padding is more than half of it.
 */
export function poolGradientKernel(options: { shape: Shape; pool: PoolOptions } & Target): Kernel {
  const { shape, pool, profile, storage } = options;
  const { mode, countPadding = true } = pool;
  const vector = vectorType(storage);
  const max = mode === "max";
  const padded = !max && countPadding;
  const reads = readTensors(
    max ? { input: storage, output: storage, outputGradient: storage } : { outputGradient: storage },
    profile,
  );
  // Coordinates of the padded input, so that no number is negative.
  const extent = (axis: "Y" | "X") => {
    const start = padded ? `start${axis}` : `max(start${axis}, parameters.before${axis})`;
    const end = padded ? `parameters.padded${axis}` : `parameters.before${axis} + parameters.input${axis}`;
    return `min(start${axis} + parameters.kernel${axis}, ${end}) - ${start}`;
  };
  const take = max
    ? `      let best = ${reads.load("output", "at")};
      var takes = value == best;
      // Rows of the window down to the element's own, of which only what is before it counts.
      if (any(takes)) {
        let firstX = max(startX, parameters.beforeX);
        for (var row = max(startY, parameters.beforeY); row <= placeY; row++) {
          let last = select(min(startX + parameters.kernelX, endX), placeX, row == placeY);
          let line = (image * parameters.inputY + row - parameters.beforeY) * parameters.inputX;
          for (var column = firstX; column < last; column++) {
            let other = (line + column - parameters.beforeX) * parameters.vectors + lanes;
            takes = takes & (${reads.load("input", "other")} != best);
          }
        }
        result += select(vec4<f32>(0.0), ${reads.load("outputGradient", "at")}, takes);
      }`
    : `      result += ${reads.load("outputGradient", "at")} / f32((${extent("Y")}) * (${extent("X")}));`;
  return itemKernel({
    name: `pool gradient ${max ? "max" : padded ? "average with padding" : "average"} ${storage}`,
    profile,
    bindings: { ...reads.bindings, inputGradient: vector },
    parameters: poolParameters(shape, pool, padded),
    items: tensorVectors(shape),
    functions: `
/** The first window over a place. */
fn firstWindow(place: u32, kernel: u32, stride: u32) -> u32 {
  return select(0u, (place - kernel) / stride + 1u, place >= kernel);
}
`,
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let placeX = position % parameters.inputX + parameters.beforeX;
  let placeY = position / parameters.inputX % parameters.inputY + parameters.beforeY;
  let image = position / (parameters.inputX * parameters.inputY);
  let firstWindowX = firstWindow(placeX, parameters.kernelX, parameters.strideX);
  let endWindowX = min(placeX / parameters.strideX + 1u, parameters.outputX);
  let endWindowY = min(placeY / parameters.strideY + 1u, parameters.outputY);
${
      max
        ? `  let endX = parameters.beforeX + parameters.inputX;
  let value = ${reads.load("input", "item")};
`
        : ""
    }  var result = vec4<f32>(0.0);
  for (
    var windowY = firstWindow(placeY, parameters.kernelY, parameters.strideY);
    windowY < endWindowY;
    windowY++
  ) {
    let startY = windowY * parameters.strideY;
    for (var windowX = firstWindowX; windowX < endWindowX; windowX++) {
      let startX = windowX * parameters.strideX;
      let at = ((image * parameters.outputY + windowY) * parameters.outputX + windowX) * parameters.vectors + lanes;
${take}
    }
  }
  inputGradient[item] = ${vector}(result);`,
  });
}
