/**
 * The gradient of global response normalisation. With g = dL/dy, G and D as in the forward pass, n = G D, sums over the
 * positions of an image, S = sum g and P = sum g x of each channel, and q = weight P, which is dL/dn,
 *
 *     dL/dbias = sum S, dL/dweight = sum n P, over the images,
 *     dL/dG_c = D q_c - D^2 mean(q G),
 *     dL/dx = g (1 + weight n) + x r, r = dL/dG / G, 0 where G is.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { imageRuns } from "../shared/by_channel.ts";
import { positionWalks } from "../shared/by_position.ts";
import { positionSums } from "../shared/position_sums.ts";
import { channelVectors, itemKernel, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { responsesOf } from "./kernels.ts";

/**
 * The gradients on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param norm `shape` of the input, epsilon, `weight` `[C]`.
 * @returns The gradients of input, weight and bias.
 */
export function globalResponseNormGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  { shape, epsilon, weight }: { readonly shape: Shape; readonly epsilon: number; readonly weight: ArrayLike<number> },
): Record<"inputGradient" | "weightGradient" | "biasGradient", Float64Array> {
  const [batch, height, width, channels] = shape;
  const { lengths, inverses } = responsesOf(input, shape, epsilon);
  const inputGradient = new Float64Array(input.length);
  const weightGradient = new Float64Array(channels);
  const biasGradient = new Float64Array(channels);
  const each = height * width * channels;
  for (let image = 0; image < batch; image++) {
    const own = lengths.subarray(image * channels, (image + 1) * channels);
    const inverse = inverses[image];
    const products = new Float64Array(channels);
    for (let index = image * each; index < (image + 1) * each; index++) {
      products[index % channels] += outputGradient[index] * input[index];
      biasGradient[index % channels] += outputGradient[index];
    }
    products.forEach((product, channel) => weightGradient[channel] += product * own[channel] * inverse);
    const along = products.reduce((sum, product, channel) => sum + weight[channel] * product * own[channel], 0);
    for (let index = image * each; index < (image + 1) * each; index++) {
      const channel = index % channels;
      const slope = inverse * weight[channel] * products[channel] - inverse ** 2 * along / channels;
      inputGradient[index] = outputGradient[index] * (1 + weight[channel] * own[channel] * inverse) +
        (own[channel] > 0 ? input[index] * slope / own[channel] : 0);
    }
  }
  return { inputGradient, weightGradient, biasGradient };
}

/**
 * The sums over the positions of each image.
 *
 * @param options `shape` of the input; `of` g, or g x.
 * @returns A kernel with `outputGradient`, of g x `input` (textures in the software profile), and the binding `sums`, f32
 * `[N, C]`, C padded.
 */
export function globalResponseNormSumsKernel(
  options: { shape: Shape; of: "gradients" | "products" } & Target,
): Kernel {
  const { shape, of, profile, storage } = options;
  const products = of === "products";
  const reads = readTensors({ outputGradient: storage, ...(products ? { input: storage } : {}) }, profile);
  return positionSums({
    name: `global response norm sums of ${of} ${storage}`,
    shape,
    profile,
    reads,
    output: { name: "sums", type: "vec4<f32>" },
    term: `${reads.load("outputGradient", "at")}${products ? ` * ${reads.load("input", "at")}` : ""}`,
    result: "sum",
  });
}

/**
 * What the input is multiplied by in its gradient, r.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `products`, `lengths` (textures in the software profile), the bindings `inverses`, `weight` (f32,
 * padded) and `slopes`, f32 `[N, C]`, C padded.
 */
export function responseSlopesKernel(options: { shape: Shape; profile: Target["profile"] }): Kernel {
  const { shape, profile } = options;
  const reads = readTensors({ products: "f32", lengths: "f32" }, profile);
  const length = reads.load("lengths", "at");
  const product = `weight[vector] * ${reads.load("products", "at")}`;
  return positionWalks({
    name: "global response slopes",
    shape: [shape[0], 1, 1, shape[3]],
    profile,
    bindings: { ...reads.bindings, inverses: "f32", weight: readOnly("vec4<f32>"), slopes: "vec4<f32>" },
    joined: "f32",
    body: ({ walk, join }) =>
      `  let inverse = inverses[min(position, parameters.positions - 1u)];
  var sums = vec4<f32>(0.0);
${walk(`    sums += ${product} * ${length};`)}  var along = dot(sums, vec4<f32>(1.0));
${join("along")}  along *= inverse * inverse / f32(parameters.channels);
${
        walk(`    let length = ${length};
    slopes[at] = select(vec4<f32>(0.0), (inverse * ${product} - along) / length, length > vec4<f32>(0.0));`)
      }`,
  });
}

/**
 * The gradient of the input.
 *
 * @param options `shape` of the input.
 * @returns A kernel with `input`, `outputGradient` (textures in the software profile), `lengths`, `inverses`, `slopes`,
 * `weight` (f32, padded) and `inputGradient`.
 */
export function globalResponseNormInputGradientKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  return itemKernel({
    name: `global response norm input gradient ${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      lengths: "vec4<f32>",
      inverses: "f32",
      slopes: "vec4<f32>",
      weight: readOnly("vec4<f32>"),
      inputGradient: vector,
    },
    ...imageRuns(
      shape,
      profile,
      `  let factor = 1.0 + weight[lanes] * lengths[place] * inverses[image];
  let slope = slopes[place];`,
      `    inputGradient[at] = ${vector}(${reads.load("outputGradient", "at")} * factor + ${
        reads.load("input", "at")
      } * slope);`,
    ),
  });
}

/**
 * The gradients of weight and bias.
 *
 * @param options `shape` of the input.
 * @returns A kernel with the bindings `products`, `totals` (sums of g x and of g), `lengths`, `inverses`, `weightGradient` and
 * `biasGradient` (f32).
 */
export function globalResponseNormParameterGradientKernel(
  options: { shape: Shape; profile: Target["profile"] },
): Kernel {
  const { shape, profile } = options;
  const vectors = channelVectors(shape[3]);
  return itemKernel({
    name: "global response norm parameter gradient",
    profile,
    bindings: {
      products: "vec4<f32>",
      totals: "vec4<f32>",
      lengths: "vec4<f32>",
      inverses: "f32",
      weightGradient: "vec4<f32>",
      biasGradient: "vec4<f32>",
    },
    parameters: [{ name: "images", value: shape[0] }, { name: "vectors", value: vectors }],
    items: vectors,
    body: `  var weightSum = vec4<f32>(0.0);
  var biasSum = vec4<f32>(0.0);
  for (var image = 0u; image < parameters.images; image++) {
    let at = image * parameters.vectors + item;
    weightSum += products[at] * lengths[at] * inverses[image];
    biasSum += totals[at];
  }
  weightGradient[item] = weightSum;
  biasGradient[item] = biasSum;`,
  });
}
