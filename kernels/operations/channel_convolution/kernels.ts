/**
 * A convolution along the channels of each position, with zeros beyond the first and the last (Wang et al., "ECA-Net",
 * 2020; timm's EcaModule): y[c] = sum over taps j of w[j] x[c + j - p], p = (kernel - 1) / 2.
 *
 * The input's gradient is the same with the taps in the opposite order. The filter's, dL/dw[j] = sum of dL/dy[c] x[c + j - p]
 * over positions and channels, is summed over the channels of each position first, then over the positions.
 *
 * @module
 */

import { type Kernel, readOnly, scratch } from "../../engine/kernel.ts";
import {
  channelVectors,
  itemKernel,
  realLanes,
  type Shape,
  type Target,
  tensorVectors,
  vectorType,
} from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The convolution on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param filter The taps, `[kernel]`.
 * @param channels How many there are at each position.
 * @returns The output, of the input's shape.
 */
export function channelConvolutionReference(
  input: ArrayLike<number>,
  filter: ArrayLike<number>,
  channels: number,
): Float64Array {
  const output = new Float64Array(input.length);
  eachProduct(input.length, channels, filter.length, (to, from, tap) => output[to] += filter[tap] * input[from]);
  return output;
}

/**
 * The gradients of the convolution on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param filter The taps, `[kernel]`.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param channels How many there are at each position.
 * @returns The gradients of input and filter.
 */
export function channelConvolutionGradientReference(
  input: ArrayLike<number>,
  filter: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  channels: number,
): Record<"input" | "filter", Float64Array> {
  const gradients = { input: new Float64Array(input.length), filter: new Float64Array(filter.length) };
  eachProduct(input.length, channels, filter.length, (to, from, tap) => {
    gradients.input[from] += filter[tap] * outputGradient[to];
    gradients.filter[tap] += input[from] * outputGradient[to];
  });
  return gradients;
}

function eachProduct(
  length: number,
  channels: number,
  kernel: number,
  visit: (to: number, from: number, tap: number) => void,
): void {
  for (let index = 0; index < length; index++) {
    for (let tap = 0; tap < kernel; tap++) {
      const channel = index % channels + tap - (kernel - 1) / 2;
      if (channel >= 0 && channel < channels) visit(index, index - index % channels + channel, tap);
    }
  }
}

/** WGSL of a function that reads an element of a tensor by its position's first vector and its channel; zero outside. */
function channelFunction(name: string, load: string): string {
  return `
fn ${name}Channel(first: u32, channel: u32) -> f32 {
  let at = first + min(channel / 4u, parameters.vectors - 1u);
  return select(0.0, ${load}[channel % 4u], channel < parameters.channels);
}
`;
}

/**
 * The convolution, or the gradient of its input.
 *
 * @param options `shape` of input and output, taps of the filter, and whether they are taken in the opposite order.
 * @returns A kernel with `input` (a texture in the software profile) and the bindings `filterTaps` (f32) and `output`.
 */
export function channelConvolutionKernel(
  options: { shape: Shape; kernel: number; direction: "forward" | "backward" } & Target,
): Kernel {
  const { shape, kernel, direction, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const tap = direction === "forward" ? "tap" : "parameters.kernel - 1u - tap";
  return itemKernel({
    name: `channel convolution ${direction} ${storage}`,
    profile,
    bindings: { ...reads.bindings, filterTaps: readOnly("f32"), output: vector },
    parameters: [
      { name: "kernel", value: kernel },
      { name: "before", value: (kernel - 1) / 2 },
      { name: "channels", value: shape[3] },
      { name: "vectors", value: channelVectors(shape[3]) },
    ],
    items: tensorVectors(shape),
    functions: channelFunction("input", reads.load("input", "at")),
    body: `  let lanes = item % parameters.vectors;
  let first = item - lanes;
  var result = vec4<f32>(0.0);
  for (var tap = 0u; tap < parameters.kernel; tap++) {
    // Below zero it is beyond the last channel, too.
    let channel = 4u * lanes + tap - parameters.before;
    result += filterTaps[${tap}] * vec4<f32>(
      inputChannel(first, channel),
      inputChannel(first, channel + 1u),
      inputChannel(first, channel + 2u),
      inputChannel(first, channel + 3u),
    );
  }
  output[item] = ${vector}(select(vec4<f32>(0.0), result, ${realLanes("lanes", "parameters.channels")}));`,
  });
}

/**
 * The gradient of the filter.
 *
 * @param options `shape` of the input; taps of the filter.
 * @returns Two kernels with `input` and `outputGradient` (textures in the software profile), the scratch `partials` and
 * the binding `filterGradient` (f32).
 */
export function channelConvolutionFilterGradientKernels(options: { shape: Shape; kernel: number } & Target): Kernel[] {
  const { shape: [batch, height, width, channels], kernel, profile, storage } = options;
  const positions = batch * height * width;
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  return [
    itemKernel({
      name: `channel convolution filter gradient ${storage}`,
      profile,
      bindings: { ...reads.bindings, partials: scratch("f32", Math.ceil(positions * kernel / 4) * 16) },
      parameters: [
        { name: "kernel", value: kernel },
        { name: "before", value: (kernel - 1) / 2 },
        { name: "channels", value: channels },
        { name: "vectors", value: channelVectors(channels) },
      ],
      items: positions * kernel,
      functions: channelFunction("input", reads.load("input", "at")),
      body: `  let first = item / parameters.kernel * parameters.vectors;
  let shift = item % parameters.kernel - parameters.before;
  var sum = 0.0;
  for (var lanes = 0u; lanes < parameters.vectors; lanes++) {
    let at = first + lanes;
    let channel = 4u * lanes + shift;
    sum += dot(${reads.load("outputGradient", "at")}, vec4<f32>(
      inputChannel(first, channel),
      inputChannel(first, channel + 1u),
      inputChannel(first, channel + 2u),
      inputChannel(first, channel + 3u),
    ));
  }
  partials[item] = sum;`,
    }),
    itemKernel({
      name: "channel convolution filter sums",
      profile,
      bindings: { partials: "f32", filterGradient: "f32" },
      parameters: [{ name: "kernel", value: kernel }, { name: "positions", value: positions }],
      items: kernel,
      body: `  var sum = 0.0;
  for (var position = 0u; position < parameters.positions; position++) {
    sum += partials[position * parameters.kernel + item];
  }
  filterGradient[item] = sum;`,
    }),
  ];
}
