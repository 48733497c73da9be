/**
 * Group normalisation: the channels of an image are cut into groups, and each group is normalised with the mean m and the
 * variance v of its n values, those of all positions,
 *
 *     y = (x - m) f weight + bias, f = 1 / sqrt(v + epsilon).
 *
 * Each channel's mean m_c is taken first, then its sum of squared deviations M2_c from it (E[x^2] - E[x]^2 would lose every
 * digit where the mean is large beside the deviation), and those of a group's channels, of H W values each, are joined:
 *
 *     m = mean(m_c), M2 = sum M2_c + H W sum (m_c - m)^2, v = M2 / n.
 *
 * m and f of each channel, f32 `[N, C]`, are kept for the gradient.
 *
 * (Wu and He, "Group Normalization", 2018; of one group it is timm's `GroupNorm1`.)
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { imageRuns } from "../shared/by_channel.ts";
import { positionWalks } from "../shared/by_position.ts";
import { positionSums } from "../shared/position_sums.ts";
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

/** A norm over groups of channels. */
export interface GroupNormOptions {
  /** Shape of input and output. */
  readonly shape: Shape;
  readonly groups: number;
  readonly epsilon: number;
}

/**
 * m and f of each group, in float64.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param norm Shape, groups and epsilon.
 * @returns `[N, groups]` each.
 */
export function groupStatistics(
  input: ArrayLike<number>,
  { shape: [batch, height, width, channels], groups, epsilon }: GroupNormOptions,
): { means: Float64Array; factors: Float64Array } {
  const positions = height * width;
  const count = positions * channels / groups;
  const groupOf = (index: number) =>
    Math.floor(index / (positions * channels)) * groups + Math.floor(index % channels / (channels / groups));
  const means = new Float64Array(batch * groups);
  const squares = new Float64Array(batch * groups);
  for (let index = 0; index < input.length; index++) means[groupOf(index)] += input[index] / count;
  for (let index = 0; index < input.length; index++) {
    squares[groupOf(index)] += (input[index] - means[groupOf(index)]) ** 2;
  }
  return { means, factors: squares.map((square) => 1 / Math.sqrt(square / count + epsilon)) };
}

/**
 * The norm on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param norm Shape, groups and epsilon; `weight` and, where there is one, `bias` `[C]`.
 * @returns The output, of the input's shape.
 */
export function groupNormReference(
  input: ArrayLike<number>,
  norm: GroupNormOptions & { readonly weight: ArrayLike<number>; readonly bias?: ArrayLike<number> },
): Float64Array {
  const { shape: [, height, width, channels], groups, weight, bias } = norm;
  const { means, factors } = groupStatistics(input, norm);
  return Float64Array.from(input, (value, index) => {
    const channel = index % channels;
    const group = Math.floor(index / (height * width * channels)) * groups + Math.floor(channel / (channels / groups));
    return (value - means[group]) * factors[group] * weight[channel] + (bias?.[channel] ?? 0);
  });
}

/**
 * The mean of each channel, or its squared deviations from that.
 *
 * @param options `shape` of the input; `of` which of the two.
 * @returns A kernel with `input` (a texture in the software profile), of deviations the binding `means`, and `means` or
 * `squares`, f32 `[N, C]`, C padded.
 */
export function groupNormMomentsKernel(options: { shape: Shape; of: "means" | "squares" } & Target): Kernel {
  const { shape, of, profile, storage } = options;
  const reads = readTensors({ input: storage }, profile);
  const value = reads.load("input", "at");
  const output = { name: of, type: "vec4<f32>" };
  const frame = { name: `group norm ${of} ${storage}`, shape, profile, reads, output };
  if (of === "means") return positionSums({ ...frame, term: value, result: "sum / f32(parameters.positions)" });
  return positionSums({
    ...frame,
    bindings: { means: "vec4<f32>" },
    setup: "  let mean = means[place];\n",
    term: `(${value} - mean) * (${value} - mean)`,
    result: "sum",
  });
}

/**
 * The frame of kernels that go through numbers of a group's channels, f32 `[N, C]`, C padded, and write two numbers for
 * each group, f32 `[N, groups, 2]`.
 *
 * @param options `shape` of the tensor normalised and its groups; `reads` names of what is read, `channelReads` of what is
 * read `[C]`; `body` WGSL statements in which `walk` makes a walk over the channels, each with `element` of `[N, C]` and
 * `channel` of `[C]`, and `join` sums a `vec2<f32>`; `result` is WGSL of the two numbers.
 * @returns A kernel with those bindings and `pairs`.
 */
export function groupWalks(
  options: GroupNormOptions & {
    name: string;
    profile: Target["profile"];
    reads: readonly string[];
    channelReads?: readonly string[];
    body: (walk: (step: string) => string, join: (variable: string) => string) => string;
    result: string;
  },
): Kernel {
  const { name, shape: [batch, height, width, channels], groups, epsilon, profile, reads, channelReads = [] } = options;
  const each = channels / groups;
  return positionWalks({
    name,
    // A group is a position whose vectors are numbers.
    shape: [1, 1, batch * groups, 4 * each],
    profile,
    bindings: {
      ...Object.fromEntries(reads.map((read) => [read, "f32"])),
      ...Object.fromEntries(channelReads.map((read) => [read, readOnly("f32")])),
      pairs: "vec2<f32>",
    },
    parameters: [
      { name: "groups", value: groups },
      { name: "padded", value: 4 * channelVectors(channels) },
      { name: "count", type: "f32", value: height * width * each },
      { name: "imagePositions", type: "f32", value: height * width },
      { name: "epsilon", type: "f32", value: epsilon },
    ],
    joined: "vec2<f32>",
    body: ({ walk, join, once }) =>
      options.body(
        (step) =>
          walk(`    let channel = position % parameters.groups * parameters.vectors + vector;
    let element = position / parameters.groups * parameters.padded + channel;
${step}`),
        join,
      ) + once(`pairs[position] = ${options.result};`),
  });
}

/**
 * m and f of each group.
 *
 * @param options Shape, groups and epsilon.
 * @returns A kernel with the bindings `means`, `squares` (f32 `[N, C]`, C padded) and `pairs`, f32 `[N, groups, 2]`.
 */
export function groupNormStatisticsKernel(options: GroupNormOptions & { profile: Target["profile"] }): Kernel {
  return groupWalks({
    ...options,
    name: "group norm statistics",
    reads: ["means", "squares"],
    body: (walk, join) =>
      `  var total = vec2<f32>(0.0);
${walk("    total += vec2<f32>(means[element], squares[element]);")}${
        join("total")
      }  let mean = total.x / f32(parameters.vectors);
  var between = vec2<f32>(0.0);
${
        walk(`    let centred = means[element] - mean;
    between.x += centred * centred;`)
      }${join("between")}  let variance = (total.y + parameters.imagePositions * between.x) / parameters.count;
`,
    result: "vec2<f32>(mean, 1.0 / sqrt(variance + parameters.epsilon))",
  });
}

/**
 * Spreads two numbers of each group over its channels.
 *
 * @param options `shape` of the tensor normalised and its groups.
 * @returns A kernel with the bindings `pairs`, f32 `[N, groups, 2]`, `firsts` and `seconds`, f32 `[N, C]`, C padded with
 * zeros.
 */
export function spreadGroupsKernel(
  { shape: [batch, , , channels], groups, profile }: Omit<GroupNormOptions, "epsilon"> & { profile: Target["profile"] },
): Kernel {
  const pair = (lane: string) => `pairs[start + group.${lane}]`;
  return itemKernel({
    name: "group norm spread",
    profile,
    bindings: { pairs: "vec2<f32>", firsts: "vec4<f32>", seconds: "vec4<f32>" },
    parameters: [
      { name: "vectors", value: channelVectors(channels) },
      { name: "channels", value: channels },
      { name: "groups", value: groups },
      { name: "each", value: channels / groups },
    ],
    items: tensorVectors([batch, 1, 1, channels]),
    body: `  let vector = item % parameters.vectors;
  let channel = vec4<u32>(4u * vector) + vec4<u32>(0u, 1u, 2u, 3u);
  let group = min(channel / parameters.each, vec4<u32>(parameters.groups - 1u));
  let start = item / parameters.vectors * parameters.groups;
  let found = array<vec2<f32>, 4>(${["x", "y", "z", "w"].map(pair).join(", ")});
  let real = ${realLanes("vector", "parameters.channels")};
  firsts[item] = select(vec4<f32>(0.0), vec4<f32>(found[0].x, found[1].x, found[2].x, found[3].x), real);
  seconds[item] = select(vec4<f32>(0.0), vec4<f32>(found[0].y, found[1].y, found[2].y, found[3].y), real);`,
  });
}

/**
 * Normalises.
 *
 * @param options `shape` of input and output, and whether there is a `bias`.
 * @returns A kernel with `input` (a texture in the software profile), the bindings `centers` and `factors`, f32 `[N, C]`,
 * `weight` and, where there is one, `bias` (f32 `[C]`), all padded with zeros, and `output`.
 */
export function groupNormKernel(options: { shape: Shape; bias: boolean } & Target): Kernel {
  const { shape, bias, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `group norm ${bias ? "" : "without bias "}${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      centers: "vec4<f32>",
      factors: "vec4<f32>",
      weight: readOnly("vec4<f32>"),
      ...(bias ? { bias: readOnly("vec4<f32>") } : {}),
      output: vector,
    },
    ...imageRuns(
      shape,
      profile,
      `  let center = centers[place];
  let scale = factors[place] * weight[lanes];${
        bias
          ? `
  let shift = bias[lanes];`
          : ""
      }`,
      `    output[at] = ${vector}((${reads.load("input", "at")} - center) * scale${bias ? " + shift" : ""});`,
    ),
  });
}
