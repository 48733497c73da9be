/**
 * Normalisation over the channels of each position, by itself. With the C channels x of a position,
 *
 * | method | y = (x - m) f weight + bias | |
 * | --- | --- | --- |
 * | layer | m = mean(x), f = 1 / sqrt(mean((x - m)^2) + epsilon) | Ba, Kiros and Hinton, "Layer Normalization", 2016 |
 * | rms | m = 0, f = 1 / sqrt(mean(x^2) + epsilon) | Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019 |
 * | l2 | m = 0, f = 1 / max(sqrt(sum(x^2)), epsilon) | PyTorch's `functional.normalize` |
 *
 * Heads that are normalised each by itself are positions of fewer channels: `[N, H, W, heads * C]` lies in memory as
 * `[N, H, W * heads, C]`.
 *
 * The deviations of a layer norm are taken from its mean, in a walk of their own, since E[x^2] - E[x]^2 loses every digit
 * where the mean is large beside the deviation. A GPU's workgroup goes through its positions three times, the second and
 * third time in the cache. On a CPU an invocation that has one position would read weight and bias anew for it, which costs
 * there as much as ten reads of a texture: a second kernel takes 4 channels of a run of positions.
 *
 * Kept for the gradient are m and f of each position, and whether f depends on x, as `statistics`: f32
 * `[positions, 4]`, the last 0.
 *
 * @module
 */

import { type Kernel, readOnly, type StatedBindings } from "../../engine/kernel.ts";
import { positionRuns } from "../shared/by_channel.ts";
import { type PositionWalk, positionWalks } from "../shared/by_position.ts";
import { itemKernel, realLanes, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** How a position is normalised. */
export type ChannelNormMethod = "layer" | "rms" | "l2";

/** A norm over the channels of positions. */
export interface ChannelNormOptions {
  /** Shape of input and output, {@linkcode headShape}'s. */
  readonly shape: Shape;
  readonly method: ChannelNormMethod;
  readonly epsilon: number;
  /** Whether there is a weight. */
  readonly weight: boolean;
  /** Whether there is a bias. */
  readonly bias: boolean;
}

/**
 * The shape in which each head is a position of its own.
 *
 * @param shape `[N, H, W, heads * C]`.
 * @param heads How many there are.
 * @returns `[N, H, W * heads, C]`, which lies in memory as the other does.
 * @throws {TypeError} If the channels cannot be split so.
 */
export function headShape([batch, height, width, channels]: Shape, heads: number): Shape {
  if (heads === 1) return [batch, height, width, channels];
  if (channels % (4 * heads) !== 0) {
    throw new TypeError(`Cannot normalise ${heads} heads of ${channels} channels: each must have a multiple of 4`);
  }
  return [batch, height, width * heads, channels / heads];
}

/** m and f of a position, in float64, and whether f depends on x. */
export function positionStatistics(
  values: ArrayLike<number>,
  { method, epsilon }: Pick<ChannelNormOptions, "method" | "epsilon">,
): { mean: number; factor: number; varies: boolean } {
  const count = values.length;
  let sum = 0;
  for (let index = 0; index < count; index++) sum += values[index];
  const mean = method === "layer" ? sum / count : 0;
  let squares = 0;
  for (let index = 0; index < count; index++) squares += (values[index] - mean) ** 2;
  if (method !== "l2") return { mean, factor: 1 / Math.sqrt(squares / count + epsilon), varies: true };
  const length = Math.sqrt(squares);
  return { mean, factor: 1 / Math.max(length, epsilon), varies: length > epsilon };
}

/**
 * The norm on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param norm `channels` C, method and epsilon; `weight` and `bias` `[C]`, where there are such.
 * @returns The output, of the input's shape.
 */
export function channelNormReference(
  input: ArrayLike<number>,
  norm: Pick<ChannelNormOptions, "method" | "epsilon"> & {
    readonly channels: number;
    readonly weight?: ArrayLike<number>;
    readonly bias?: ArrayLike<number>;
  },
): Float64Array {
  const { channels, weight, bias } = norm;
  const output = Float64Array.from(input);
  for (let start = 0; start < output.length; start += channels) {
    const { mean, factor } = positionStatistics(output.slice(start, start + channels), norm);
    for (let channel = 0; channel < channels; channel++) {
      const normal = (output[start + channel] - mean) * factor;
      output[start + channel] = normal * (weight ? weight[channel] : 1) + (bias ? bias[channel] : 0);
    }
  }
  return output;
}

/** Bytes of the statistics. */
export function channelNormStatisticsBytes([batch, height, width]: Shape): number {
  return batch * height * width * 16;
}

/** Whether what is made of padding lanes is no zero, unless it is multiplied by a weight. */
export function shiftsPadding({ method, shape }: Pick<ChannelNormOptions, "method" | "shape">): boolean {
  return method === "layer" && shape[3] % 4 !== 0;
}

/** What a kernel's name says of the norm that its text depends on. */
export function variantName(options: ChannelNormOptions): string {
  const { method, weight, bias } = options;
  return [
    method,
    ...(weight ? ["weight"] : []),
    ...(bias ? ["bias"] : []),
    ...(shiftsPadding(options) ? ["padded"] : []),
  ].join(" ");
}

/** Bindings of the parameters that a norm has. */
export function parameterBindings({ weight, bias }: Pick<ChannelNormOptions, "weight" | "bias">): StatedBindings {
  const channel = readOnly("vec4<f32>");
  return { ...(weight ? { weight: channel } : {}), ...(bias ? { bias: channel } : {}) };
}

/** WGSL that finds m, f and whether f depends on x as `mean`, `factor` and `varies`. */
function findStatistics(options: ChannelNormOptions, load: string, { walk, join }: PositionWalk): string {
  const { method } = options;
  const centred = `${load} - mean`;
  const real = realLanes("vector", "parameters.channels");
  const mean = method === "layer"
    ? `  var sums = vec4<f32>(0.0);
${walk(`    sums += ${load};`)}  var mean = sums.x + sums.y + sums.z + sums.w;
${join("mean")}  mean /= f32(parameters.channels);
`
    : "  let mean = 0.0;\n";
  return `${mean}  var squares = vec4<f32>(0.0);
${
    walk(
      `    let centred = ${
        method !== "layer" ? load : shiftsPadding(options) ? `select(vec4<f32>(0.0), ${centred}, ${real})` : centred
      };
    squares += centred * centred;`,
    )
  }  var square = squares.x + squares.y + squares.z + squares.w;
${join("square")}${
    method === "l2"
      ? `  let length = sqrt(square);
  let factor = 1.0 / max(length, parameters.epsilon);
  let varies = f32(length > parameters.epsilon);
`
      : `  let factor = 1.0 / sqrt(square / f32(parameters.channels) + parameters.epsilon);
  let varies = 1.0;
`
  }`;
}

/** WGSL of y without its mask. */
function normalised({ method, weight, bias }: ChannelNormOptions, load: string, lanes: string): string {
  const normal = method === "layer" ? `(${load} - mean) * factor` : `${load} * factor`;
  return `${normal}${weight ? ` * weight[${lanes}]` : ""}${bias ? ` + bias[${lanes}]` : ""}`;
}

/** WGSL of y. */
function masked(options: ChannelNormOptions, value: string, lanes: string): string {
  return shiftsPadding(options) && !options.weight
    ? `select(vec4<f32>(0.0), ${value}, ${realLanes(lanes, "parameters.channels")})`
    : value;
}

/**
 * The norm.
 *
 * @param options Shape, method, epsilon, and which parameters there are.
 * @returns One kernel or two with the bindings `input` (a texture in the software profile), `weight` and `bias` (f32, padded
 * with zeros) where there are such, `statistics` (a texture of the second) and `output`.
 */
export function channelNormKernels(options: ChannelNormOptions & Target): Kernel[] {
  const { shape, epsilon, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const outputs = { ...parameterBindings(options), output: vector };
  const load = reads.load("input", "at");
  const shared = profile === "gpu";
  const position = positionWalks({
    name: `channel norm ${
      shared ? variantName(options) : `statistics ${options.method}${shiftsPadding(options) ? " padded" : ""}`
    } ${storage}`,
    shape,
    profile,
    bindings: { ...reads.bindings, statistics: "vec4<f32>", ...(shared ? outputs : {}) },
    parameters: [{ name: "epsilon", type: "f32", value: epsilon }],
    joined: "f32",
    body: (position) =>
      `${findStatistics(options, load, position)}${
        shared
          ? position.walk(
            `    output[at] = ${vector}(${masked(options, normalised(options, load, "vector"), "vector")});`,
          )
          : ""
      }${position.once("statistics[position] = vec4<f32>(mean, factor, varies, 0.0);")}`,
  });
  return shared ? [position] : [position, normaliseRuns(options)];
}

/** Normalises with the statistics, 4 channels of a run of positions at a time. */
function normaliseRuns(options: ChannelNormOptions & Target): Kernel {
  const { shape, method, weight, bias, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const statistics = readTensors({ statistics: "f32" }, profile);
  const runs = positionRuns(
    shape,
    profile,
    `${weight ? "  let scale = weight[lanes];\n" : ""}${bias ? "  let shift = bias[lanes];\n" : ""}`,
    `    let found = ${statistics.load("statistics", "position")};
    let normal = ${
      method === "layer" ? `(${reads.load("input", "at")} - found.x)` : reads.load("input", "at")
    } * found.y;
    output[at] = ${vector}(${masked(options, `normal${weight ? " * scale" : ""}${bias ? " + shift" : ""}`, "lanes")});`,
  );
  return itemKernel({
    name: `channel norm ${variantName(options)} ${storage}`,
    profile,
    bindings: { ...reads.bindings, ...statistics.bindings, ...parameterBindings(options), output: vector },
    ...runs,
    parameters: [
      ...runs.parameters,
      ...(shiftsPadding(options) && !weight ? [{ name: "channels", value: shape[3] }] : []),
    ],
  });
}
