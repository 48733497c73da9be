/**
 * The gradient of group normalisation. With x^ = (x - m) f, g = dL/dy, h = g weight, and sums over the positions of an image,
 * S = sum g and P = sum g x^ of each channel,
 *
 *     dL/dbias = sum S, dL/dweight = sum P, over the images,
 *     dL/dx = f (h - s - x^ a), s = mean(h), a = mean(h x^) of the group,
 *
 * where s = sum(weight S) / n and a = sum(weight P) / n over the group's channels.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { imageRuns } from "../shared/by_channel.ts";
import { positionSums } from "../shared/position_sums.ts";
import { channelVectors, itemKernel, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";
import { type GroupNormOptions, groupStatistics, groupWalks } from "./kernels.ts";

/**
 * The gradients on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param norm Shape, groups and epsilon; `weight` `[C]`.
 * @returns The gradients of input, weight and bias.
 */
export function groupNormGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  norm: GroupNormOptions & { readonly weight: ArrayLike<number> },
): Record<"inputGradient" | "weightGradient" | "biasGradient", Float64Array> {
  const { shape: [batch, height, width, channels], groups, weight } = norm;
  const { means, factors } = groupStatistics(input, norm);
  const count = height * width * channels / groups;
  const shifts = new Float64Array(batch * groups);
  const alongs = new Float64Array(batch * groups);
  const weightGradient = new Float64Array(channels);
  const biasGradient = new Float64Array(channels);
  const placeOf = (index: number) => {
    const channel = index % channels;
    const group = Math.floor(index / (height * width * channels)) * groups + Math.floor(channel / (channels / groups));
    return { channel, group, normal: (input[index] - means[group]) * factors[group] };
  };
  for (let index = 0; index < input.length; index++) {
    const { channel, group, normal } = placeOf(index);
    weightGradient[channel] += outputGradient[index] * normal;
    biasGradient[channel] += outputGradient[index];
    shifts[group] += outputGradient[index] * weight[channel] / count;
    alongs[group] += outputGradient[index] * weight[channel] * normal / count;
  }
  const inputGradient = Float64Array.from({ length: input.length }, (_, index) => {
    const { channel, group, normal } = placeOf(index);
    return factors[group] * (outputGradient[index] * weight[channel] - shifts[group] - normal * alongs[group]);
  });
  return { inputGradient, weightGradient, biasGradient };
}

/**
 * The sums over the positions of each image.
 *
 * @param options `shape` of the input; `of` g, or g x^.
 * @returns A kernel with `outputGradient`, of g x^ `input` (textures in the software profile), `centers` and `factors`, and
 * `sums`, f32 `[N, C]`, C padded.
 */
export function groupNormSumsKernel(options: { shape: Shape; of: "gradients" | "products" } & Target): Kernel {
  const { shape, of, profile, storage } = options;
  const products = of === "products";
  const reads = readTensors({ outputGradient: storage, ...(products ? { input: storage } : {}) }, profile);
  const gradient = reads.load("outputGradient", "at");
  return positionSums({
    name: `group norm sums of ${of} ${storage}`,
    shape,
    profile,
    reads,
    output: { name: "sums", type: "vec4<f32>" },
    ...(products
      ? {
        bindings: { centers: "vec4<f32>", factors: "vec4<f32>" },
        setup: "  let center = centers[place];\n",
        term: `${gradient} * (${reads.load("input", "at")} - center)`,
        result: "sum * factors[place]",
      }
      : { term: gradient, result: "sum" }),
  });
}

/**
 * s and a of each group.
 *
 * @param options Shape, groups and epsilon.
 * @returns A kernel with the bindings `totals` and `products`, sums of g and g x^, f32 `[N, C]`, `weight` (f32 `[C]`) and
 * `pairs`, f32 `[N, groups, 2]`.
 */
export function groupNormShiftsKernel(options: GroupNormOptions & { profile: Target["profile"] }): Kernel {
  return groupWalks({
    ...options,
    name: "group norm shifts",
    reads: ["totals", "products"],
    channelReads: ["weight"],
    body: (walk, join) =>
      `  var total = vec2<f32>(0.0);
${walk("    total += weight[channel] * vec2<f32>(totals[element], products[element]);")}${join("total")}`,
    result: "total / parameters.count",
  });
}

/**
 * The gradient of the input.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `input`, `outputGradient` (textures in the software profile), `centers`, `factors`, `shifts`,
 * `alongs`, f32 `[N, C]`, `weight` (f32 `[C]`), all padded with zeros, and `inputGradient`.
 */
export function groupNormInputGradientKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  const channel = "vec4<f32>";
  return itemKernel({
    name: `group norm input gradient ${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      centers: channel,
      factors: channel,
      shifts: channel,
      alongs: channel,
      weight: readOnly(channel),
      inputGradient: vector,
    },
    ...imageRuns(
      shape,
      profile,
      `  let center = centers[place];
  let factor = factors[place];
  let scale = factor * weight[lanes];
  let shift = factor * shifts[place];
  let along = factor * factor * alongs[place];`,
      `    inputGradient[at] = ${vector}(${reads.load("outputGradient", "at")} * scale - shift - (${
        reads.load("input", "at")
      } - center) * along);`,
    ),
  });
}

/**
 * The gradients of weight and bias.
 *
 * @param options `shape` of the input, and whether there is a `bias`.
 * @returns A kernel with the bindings `totals` (with a bias) and `products`, sums of g and g x^, f32 `[N, C]`,
 * `weightGradient` and, with a bias, `biasGradient` (f32 `[C]`), C padded.
 */
export function groupNormParameterGradientKernel(
  options: { shape: Shape; bias: boolean; profile: Target["profile"] },
): Kernel {
  const { shape, bias, profile } = options;
  const vectors = channelVectors(shape[3]);
  const channel = "vec4<f32>";
  return itemKernel({
    name: `group norm parameter gradient${bias ? "" : " without bias"}`,
    profile,
    bindings: {
      ...(bias ? { totals: channel, biasGradient: channel } : {}),
      products: channel,
      weightGradient: channel,
    },
    parameters: [{ name: "images", value: shape[0] }, { name: "vectors", value: vectors }],
    items: vectors,
    body: wgsl`
      var weightSum = vec4<f32>(0.0);
      ${bias ? "var biasSum = vec4<f32>(0.0);" : ""}
      for (var image = 0u; image < parameters.images; image++) {
        weightSum += products[image * parameters.vectors + item];
        ${bias ? "biasSum += totals[image * parameters.vectors + item];" : ""}
      }
      weightGradient[item] = weightSum;
      ${bias ? "biasGradient[item] = biasSum;" : ""}
    `,
  });
}
