/**
 * A parameter that is not a weight but numbers of positions and channels, such as a class token or a position embedding,
 * as it lies in a file: flat, in PyTorch's axis order, channels not padded. Kernels read it as 4-vectors of channels; its
 * gradient is the sum over the images, in their order.
 *
 * @module
 */

import { type Kernel, readOnly, type StatedBindings } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, realLanes, type Shape, type Target } from "./tensor.ts";
import { readTensors } from "./tensor_reads.ts";

/** From an element of a flat parameter to that of the next position, and of the next channel. */
export interface ParameterStrides {
  readonly position: number;
  readonly channel: number;
}

/** The strides of a parameter `[..., C]`. */
export function channelsLast(channels: number): ParameterStrides {
  return { position: channels, channel: 1 };
}

/**
 * Reads the axes of a parameter as positions and channels.
 *
 * @param shape The parameter's, in PyTorch's axis order.
 * @param order Its axes in the order in which the first of them are the positions, row-major, and the others the channels.
 * @param size Numbers of positions and channels.
 * @returns The strides.
 * @throws {TypeError} If the axes are not those, or do not lie evenly.
 */
export function parameterStrides(
  shape: readonly number[],
  order: readonly number[],
  { positions, channels }: { positions: number; channels: number },
): ParameterStrides {
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const axes = order.map((axis) => ({ size: shape[axis], stride: strides[axis] })).filter(({ size }) => size !== 1);
  for (let split = 0; split <= axes.length; split++) {
    const position = mergedStride(axes.slice(0, split), positions);
    const channel = mergedStride(axes.slice(split), channels);
    if (position !== undefined && channel !== undefined) return { position, channel };
  }
  throw new TypeError(
    `Cannot read a parameter of shape [${shape.join(", ")}], axes in the order ${order.join(", ")}, ` +
      `as ${positions} positions of ${channels} channels`,
  );
}

/** The stride of several axes as one of `length`, undefined if they are not. */
function mergedStride(axes: readonly { size: number; stride: number }[], length: number): number | undefined {
  const even = axes.every(({ stride }, axis) =>
    axis + 1 === axes.length || stride === axes[axis + 1].stride * axes[axis + 1].size
  );
  return even && product(axes.map(({ size }) => size)) === length ? axes.at(-1)?.stride ?? 0 : undefined;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}

/** The uniform members that {@linkcode readParameter} and {@linkcode imageSumsKernel} read, but `channels`. */
export function strideParameters({ position, channel }: ParameterStrides): { name: string; value: number }[] {
  return [{ name: "positionStride", value: position }, { name: "channelStride", value: channel }];
}

/** A flat parameter that a kernel reads. */
export interface ParameterReads {
  /** Part of the kernel's name, since it decides on the text; empty for whole vectors. */
  readonly kind: string;
  readonly bindings: StatedBindings;
  /** WGSL for module scope. */
  readonly functions: string;
  /** WGSL that reads the vector `lanes` of a position, both `u32`: a `vec4<f32>`, zero past the last channel. */
  readonly load: (name: string, position: string, lanes: string) => string;
}

/**
 * Reads flat parameters whose channels are `parameters.channels`, in vectors of which a position has `parameters.vectors`;
 * the kernel's parameters have {@linkcode strideParameters} too.
 *
 * @param names What the kernel calls them.
 * @param strides The strides of every one.
 * @param channels How many they have.
 * @returns Bindings and the way to read them.
 */
export function readParameters(
  names: readonly string[],
  strides: ParameterStrides,
  channels: number,
): ParameterReads {
  const whole = strides.channel === 1 && strides.position === channels && channels % 4 === 0;
  const element = whole ? "vec4<f32>" : "f32";
  const bindings = Object.fromEntries(names.map((name) => [name, readOnly(element)]));
  if (whole) {
    return {
      kind: "",
      bindings,
      functions: "",
      load: (name, position, lanes) => `${name}[(${position}) * parameters.vectors + ${lanes}]`,
    };
  }
  return {
    kind: "flat ",
    bindings,
    functions: `
/** Where 4 channels of a position lie; past the last channel, at its place. */
fn placesOf(position: u32, lanes: u32) -> vec4<u32> {
  let channels = min(vec4<u32>(4u * lanes) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(parameters.channels - 1u));
  return vec4<u32>(position * parameters.positionStride) + channels * parameters.channelStride;
}
${
      names.map((name) => `
fn ${name}At(position: u32, lanes: u32) -> vec4<f32> {
  let places = placesOf(position, lanes);
  let values = vec4<f32>(${["x", "y", "z", "w"].map((lane) => `${name}[places.${lane}]`).join(", ")});
  return select(vec4<f32>(0.0), values, ${realLanes("lanes", "parameters.channels")});
}
`).join("")
    }`,
    load: (name, position, lanes) => `${name}At(${position}, ${lanes})`,
  };
}

/**
 * The gradient of a parameter that stands at the same positions of every image: sums over the images.
 *
 * @param options `shape` of the output's gradient; the `first` and how many of its positions, row-major, the parameter
 * has; its strides.
 * @returns A kernel with `outputGradient` (a texture in the software profile) and the binding `parameterGradient`, f32 and
 * flat.
 */
export function imageSumsKernel(
  options: { shape: Shape; first: number; positions: number; strides: ParameterStrides } & Target,
): Kernel {
  const { shape: [batch, height, width, channels], first, positions, strides, profile, storage } = options;
  const reads = readTensors({ outputGradient: storage }, profile);
  const vectors = channelVectors(channels);
  return itemKernel({
    name: `image sums ${storage}`,
    profile,
    bindings: { ...reads.bindings, parameterGradient: "f32" },
    parameters: [
      { name: "vectors", value: vectors },
      { name: "channels", value: channels },
      { name: "first", value: first * vectors },
      { name: "imageVectors", value: height * width * vectors },
      { name: "end", value: batch * height * width * vectors },
      ...strideParameters(strides),
    ],
    items: positions * vectors,
    body: `  var sum = vec4<f32>(0.0);
  for (var at = parameters.first + item; at < parameters.end; at += parameters.imageVectors) {
    sum += ${reads.load("outputGradient", "at")};
  }
  let channel = 4u * (item % parameters.vectors);
  let place = item / parameters.vectors * parameters.positionStride + channel * parameters.channelStride;
  for (var lane = 0u; lane < min(parameters.channels - channel, 4u); lane++) {
    parameterGradient[place + lane * parameters.channelStride] = sum[lane];
  }`,
  });
}

/**
 * A parameter at the positions of an image on the CPU.
 *
 * @param parameter The numbers as they lie in a file.
 * @param strides The parameter's.
 * @param size Numbers of positions and channels.
 * @returns `[positions, channels]`.
 */
export function parameterReference(
  parameter: ArrayLike<number>,
  strides: ParameterStrides,
  { positions, channels }: { positions: number; channels: number },
): Float64Array {
  const values = new Float64Array(positions * channels);
  for (let position = 0; position < positions; position++) {
    for (let channel = 0; channel < channels; channel++) {
      values[position * channels + channel] = parameter[position * strides.position + channel * strides.channel];
    }
  }
  return values;
}

/**
 * {@linkcode imageSumsKernel} on the CPU.
 *
 * @param outputGradient In the output's shape.
 * @param options As the kernel's.
 * @returns The parameter's gradient, flat.
 */
export function imageSumsReference(
  outputGradient: ArrayLike<number>,
  options: { shape: Shape; first: number; positions: number; strides: ParameterStrides },
): Float64Array {
  const { shape: [batch, height, width, channels], first, positions, strides } = options;
  const sums = new Float64Array(positions * channels);
  for (let image = 0; image < batch; image++) {
    for (let position = 0; position < positions; position++) {
      for (let channel = 0; channel < channels; channel++) {
        sums[position * strides.position + channel * strides.channel] +=
          outputGradient[(image * height * width + first + position) * channels + channel];
      }
    }
  }
  return sums;
}
