/**
 * The gradient of a norm over the channels of each position. With x^ = (x - m) f, g = dL/dy, h = g weight, and C channels,
 *
 *     dL/dbias = sum g, dL/dweight = sum g x^, over all positions,
 *     dL/dx = f (h - s - x^ a),
 *
 * | method | s | a |
 * | --- | --- | --- |
 * | layer | mean(h) | mean(h x^) |
 * | rms | 0 | mean(h x^) |
 * | l2 | 0 | sum(h x^); 0 where epsilon is the larger |
 *
 * over the channels of the position. A first kernel finds s and a; a second, which takes 4 channels of many positions, makes
 * dL/dx, and in training adds up the parameters' gradients as it goes.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { channelPartials, channelSums, JOIN_SUMS, positionRuns } from "../shared/by_channel.ts";
import { positionWalks } from "../shared/by_position.ts";
import { itemKernel, realLanes, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { type ChannelNormOptions, positionStatistics, shiftsPadding } from "./kernels.ts";

/** What of a norm its gradient depends on. */
type Normed = Omit<ChannelNormOptions, "epsilon" | "bias">;

/**
 * The gradient of the norm on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param norm `channels` C, method and epsilon; `weight` `[C]`, where there is one.
 * @returns The gradients of input, weight and bias.
 */
export function channelNormGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  norm: Pick<ChannelNormOptions, "method" | "epsilon"> & {
    readonly channels: number;
    readonly weight?: ArrayLike<number>;
  },
): Record<"inputGradient" | "weightGradient" | "biasGradient", Float64Array> {
  const { channels, weight, method } = norm;
  const values = Float64Array.from(input);
  const inputGradient = new Float64Array(values.length);
  const weightGradient = new Float64Array(channels);
  const biasGradient = new Float64Array(channels);
  for (let start = 0; start < values.length; start += channels) {
    const position = values.subarray(start, start + channels);
    const { mean, factor, varies } = positionStatistics(position, norm);
    const normal = position.map((value) => (value - mean) * factor);
    const scaled = normal.map((_, channel) => outputGradient[start + channel] * (weight ? weight[channel] : 1));
    const sum = scaled.reduce((total, value) => total + value, 0);
    const product = scaled.reduce((total, value, channel) => total + value * normal[channel], 0);
    const shift = method === "layer" ? sum / channels : 0;
    const along = method === "l2" ? (varies ? product : 0) : product / channels;
    normal.forEach((value, channel) => {
      inputGradient[start + channel] = factor * (scaled[channel] - shift - value * along);
      weightGradient[channel] += outputGradient[start + channel] * value;
      biasGradient[channel] += outputGradient[start + channel];
    });
  }
  return { inputGradient, weightGradient, biasGradient };
}

/** Bytes of what the first kernel finds: m, f, s and f a of each position. */
export function channelNormSumsBytes([batch, height, width]: Shape): number {
  return batch * height * width * 16;
}

/**
 * The sums over the channels of each position.
 *
 * @param options Shape, method, and whether there is a weight.
 * @returns A kernel with the bindings `input`, `outputGradient` (textures in the software profile), `statistics`, where
 * there is one `weight` (f32), and `sums`: m, f, s and f a of each position.
 */
export function channelNormGradientSumsKernel(options: Normed & Target): Kernel {
  const { shape, method, weight, profile, storage } = options;
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  const gradient = reads.load("outputGradient", "at");
  const input = reads.load("input", "at");
  return positionWalks({
    name: `channel norm gradient sums ${method}${weight ? " weight" : ""} ${storage}`,
    shape,
    profile,
    bindings: {
      ...reads.bindings,
      statistics: "vec4<f32>",
      ...(weight ? { weight: readOnly("vec4<f32>") } : {}),
      sums: "vec4<f32>",
    },
    joined: "vec2<f32>",
    body: ({ walk, join, once }) =>
      `  let found = statistics[min(position, parameters.positions - 1u)];
  var total = vec4<f32>(0.0);
  var products = vec4<f32>(0.0);
${
        walk(`    let scaled = ${gradient}${weight ? " * weight[vector]" : ""};
    total += scaled;
    products += scaled * (${input}${method === "layer" ? " - found.x" : ""});`)
      }  var pair = vec2<f32>(dot(total, vec4<f32>(1.0)), dot(products, vec4<f32>(1.0)) * found.y);
${join("pair")}${method === "l2" ? "" : "  pair /= f32(parameters.channels);\n"}${
        once(
          `sums[position] = vec4<f32>(found.xy, ${method === "layer" ? "pair.x" : "0.0"}, found.y * found.z * pair.y);`,
        )
      }`,
  });
}

/**
 * The gradient of the input, and in training the parameters' over every split of the positions.
 *
 * @param options Shape, method, and whether there is a weight; `trained`: whether the parameters' gradients are wanted.
 * @returns A kernel with the bindings `input`, `outputGradient`, `sums` (textures in the software profile), where there
 * is one `weight` (f32), `inputGradient`, and if trained the scratch `partials`: sums of g and g x^.
 */
export function channelNormInputGradientKernel(options: Normed & { trained: boolean } & Target): Kernel {
  const { shape, method, weight, trained, profile, storage } = options;
  const vector = vectorType(storage);
  const tensors = readTensors({ input: storage, outputGradient: storage, sums: "f32" }, profile);
  const masked = shiftsPadding(options);
  const bindings = {
    ...(weight ? { weight: readOnly("vec4<f32>") } : {}),
    inputGradient: vector,
  };
  const setup = `${weight ? "  let scale = weight[lanes];\n" : ""}${
    masked ? `  let real = ${realLanes("lanes", "parameters.channels")};\n` : ""
  }`;
  const input = tensors.load("input", "at");
  const result = `found.y * (gradient${weight ? " * scale" : ""}${
    method === "layer" ? " - found.z" : ""
  } - centred * found.w)`;
  const step = `    let found = ${tensors.load("sums", "position")};
    let centred = ${method === "layer" ? `${input} - found.x` : input};
    let gradient = ${tensors.load("outputGradient", "at")};
    inputGradient[at] = ${vector}(${masked ? `select(vec4<f32>(0.0), ${result}, real)` : result});`;
  const name = `channel norm ${trained ? "gradients" : "input gradient"} ${method}${weight ? " weight" : ""}${
    masked ? " padded" : ""
  } ${storage}`;
  const channels = masked ? [{ name: "channels", value: shape[3] }] : [];
  if (trained) {
    return channelPartials({
      name,
      shape,
      profile,
      reads: tensors,
      bindings,
      parameters: channels,
      join: JOIN_SUMS,
      setup,
      step: `${step}
    pair.first += gradient;
    pair.second += gradient * (centred * found.y);`,
    });
  }
  const runs = positionRuns(shape, profile, setup, step);
  return itemKernel({
    name,
    profile,
    bindings: { ...tensors.bindings, ...bindings },
    ...runs,
    parameters: [...runs.parameters, ...channels],
  });
}

/**
 * The gradients of weight and bias.
 *
 * @param options Shape, and which parameters there are.
 * @returns A kernel with the bindings `partials`, as {@linkcode channelNormInputGradientKernel} wrote them, and where there
 * are such parameters `weightGradient` and `biasGradient` (f32).
 */
export function channelNormParameterGradientKernel(
  { shape, weight, bias, profile }: Pick<ChannelNormOptions, "shape" | "weight" | "bias"> & Pick<Target, "profile">,
): Kernel {
  return channelSums({
    name: "channel norm parameter gradient",
    shape,
    profile,
    ...(bias ? { first: "biasGradient" } : {}),
    ...(weight ? { second: "weightGradient" } : {}),
  });
}
