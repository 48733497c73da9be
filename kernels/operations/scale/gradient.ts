/**
 * The gradients of learned factors and summands, y = w x + b. With g = dL/dy,
 *
 *     dL/dx = g w, dL/dw = sum g x, dL/db = sum g, over positions, and the channels that share w and b;
 *
 * a factor that is stored as its logarithm has dL/dparameter = w dL/dw, or 0 beyond the largest that counts.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { channelPartials, channelSums, JOIN_SUMS } from "../shared/by_channel.ts";
import { positionWalks } from "../shared/by_position.ts";
import { type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { factorOf, partsName, type ScaleParts, type Spread, spreadScale } from "./kernels.ts";

/**
 * The gradients on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param spread Channels, elements, and whether the weight is a logarithm.
 * @param weight `[elements]`, where there is one.
 * @returns The gradients of input, weight and bias.
 */
export function scaleGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  spread: Spread,
  weight?: ArrayLike<number>,
): Record<"inputGradient" | "weightGradient" | "biasGradient", Float64Array> {
  const { channels, elements, exponential } = spread;
  const { scale } = spreadScale(spread, weight ? { weight } : {});
  const inputGradient = new Float64Array(input.length);
  const weightGradient = new Float64Array(elements);
  const biasGradient = new Float64Array(elements);
  for (let index = 0; index < input.length; index++) {
    const channel = index % channels;
    const element = Math.floor(channel / (channels / elements));
    const slope = !exponential ? 1 : weight && weight[element] <= exponential.most ? scale[channel] : 0;
    inputGradient[index] = outputGradient[index] * scale[channel];
    weightGradient[element] += outputGradient[index] * input[index] * slope;
    biasGradient[element] += outputGradient[index];
  }
  return { inputGradient, weightGradient, biasGradient };
}

/**
 * The gradient of the input, where there is a weight, and the sums of g and g x over every split of the positions.
 *
 * @param options `shape` of the input, and which parameters there are.
 * @returns A kernel with `outputGradient` and, where there is a weight, `input` (textures in the software profile), `scale`
 * (f32 `[C]`, padded) and `inputGradient`; and the scratch `partials`.
 */
export function scaleGradientsKernel(options: { shape: Shape } & ScaleParts & Target): Kernel {
  const { shape, weight, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ outputGradient: storage, ...(weight ? { input: storage } : {}) }, profile);
  return channelPartials({
    name: `scale gradients ${weight ? "weight " : ""}${storage}`,
    shape,
    profile,
    reads,
    bindings: weight ? { scale: "vec4<f32>", inputGradient: vector } : {},
    join: JOIN_SUMS,
    setup: weight ? "  let factor = scale[lanes];" : "",
    step: `    let gradient = ${reads.load("outputGradient", "at")};
    pair.first += gradient;${
      weight
        ? `
    pair.second += gradient * ${reads.load("input", "at")};
    inputGradient[at] = ${vector}(gradient * factor);`
        : ""
    }`,
  });
}

/**
 * The sums over all positions: the parameters' gradients where each channel has its own.
 *
 * @param options `shape` of the input, and which parameters there are.
 * @returns A kernel with the bindings `partials`, as {@linkcode scaleGradientsKernel} wrote them, and where there are such
 * parameters `weightGradient` and `biasGradient` (f32 `[C]`, padded).
 */
export function scaleChannelGradientKernel(
  { shape, weight, bias, profile }: { shape: Shape } & ScaleParts & Pick<Target, "profile">,
): Kernel {
  return channelSums({
    name: "scale channel gradient",
    shape,
    profile,
    ...(bias ? { first: "biasGradient" } : {}),
    ...(weight ? { second: "weightGradient" } : {}),
  });
}

/**
 * The gradients of parameters that several channels share, or whose weight is a logarithm.
 *
 * @param options Channels, elements, whether the weight is a logarithm, and which parameters there are.
 * @returns A kernel with the bindings, where there are such parameters, `weightSums` and `biasSums` (f32 `[C]`, padded), as
 * {@linkcode scaleChannelGradientKernel} wrote them, if the weight is a logarithm `weight`, and `weightGradient` and
 * `biasGradient` (f32 `[elements]`).
 */
export function scaleParameterGradientKernel(options: Spread & ScaleParts & Pick<Target, "profile">): Kernel {
  const { channels, elements, exponential, weight, bias, profile } = options;
  const { parameters, expression } = factorOf(options);
  const logarithm = weight && exponential !== undefined;
  const slope = logarithm
    ? ` * select(0.0, ${expression("weight[position]")}, weight[position] <= parameters.most)`
    : "";
  return positionWalks({
    name: `scale parameter gradient ${partsName(options)}${logarithm ? "exponential" : ""}`.trimEnd(),
    shape: [1, 1, elements, channels / elements],
    profile,
    bindings: {
      ...(weight ? { weightSums: "vec4<f32>", weightGradient: "f32" } : {}),
      ...(bias ? { biasSums: "vec4<f32>", biasGradient: "f32" } : {}),
      ...(logarithm ? { weight: readOnly("f32") } : {}),
    },
    parameters: logarithm ? parameters : [],
    joined: "vec2<f32>",
    body: ({ walk, join, once }) =>
      `  var products = vec4<f32>(0.0);
  var total = vec4<f32>(0.0);
${
        walk(`${weight ? "    products += weightSums[at];\n" : ""}${bias ? "    total += biasSums[at];" : ""}`)
      }  var pair = vec2<f32>(dot(products, vec4<f32>(1.0)), dot(total, vec4<f32>(1.0)));
${join("pair")}${
        once(
          `${weight ? `weightGradient[position] = pair.x${slope};` : ""}${
            bias ? " biasGradient[position] = pair.y;" : ""
          }`,
        )
      }`,
  });
}
