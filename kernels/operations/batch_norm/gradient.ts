/**
 * The gradient of batch normalisation in training. With x^ the normalised input, g = dL/dy, n = N H W values a channel,
 * and sums over them,
 *
 *     dL/dbias = sum g,  dL/dweight = sum g x^,
 *     dL/dx = weight / sqrt(v + epsilon) (g - dL/dbias / n - x^ dL/dweight / n):
 *
 * mean and variance depend on every value of the channel, hence the two terms after g. Where ranks share the statistics, the
 * sums in dL/dx and n are those of all ranks' batches.
 *
 * Saved from the forward pass are its input and the statistics; x^ is made again of them.
 *
 * Where an activation a(y) follows in the same pass, the kernels take dL/da instead, and g is dL/da a'(y) with y made again
 * as the forward pass made it, so that a rectifier has its corner at the same place. Where a residual r is added before the
 * activation, y is x^ weight + bias + r, and g is r's gradient too: the sums' pass stores it, and the next one reads it.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { type ActivationFunction, activationName, activationRule } from "../activation/functions/mod.ts";
import { LOAD_STATISTICS } from "./training.ts";
import { channelPartials, channelSums, JOIN_SUMS, positionRuns } from "../shared/by_channel.ts";
import { itemKernel, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors, type TensorReads } from "../shared/tensor_reads.ts";

/**
 * The gradient of batch norm on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param outputGradient The gradient of the output, in the input's shape.
 * @param batchNorm `weight`, and of the batch `mean` and `inverseDeviation`, `[C]` each.
 * @returns The gradients of input, weight and bias.
 */
export function batchNormGradientReference(
  input: ArrayLike<number>,
  outputGradient: ArrayLike<number>,
  batchNorm: Readonly<Record<"weight" | "mean" | "inverseDeviation", ArrayLike<number>>>,
): Record<"inputGradient" | "weightGradient" | "biasGradient", Float64Array> {
  const { weight, mean, inverseDeviation } = batchNorm;
  const channels = weight.length;
  const count = input.length / channels;
  const normal = Float64Array.from(input, (value, index) => {
    const channel = index % channels;
    return (value - mean[channel]) * inverseDeviation[channel];
  });
  const weightGradient = new Float64Array(channels);
  const biasGradient = new Float64Array(channels);
  for (let index = 0; index < input.length; index++) {
    weightGradient[index % channels] += outputGradient[index] * normal[index];
    biasGradient[index % channels] += outputGradient[index];
  }
  const inputGradient = normal.map((value, index) => {
    const channel = index % channels;
    const shared = (biasGradient[channel] + value * weightGradient[channel]) / count;
    return weight[channel] * inverseDeviation[channel] * (outputGradient[index] - shared);
  });
  return { inputGradient, weightGradient, biasGradient };
}

/**
 * WGSL that makes `centred`, x - m, and g, `result`, of the vector `at`; an activation's needs `scale` and `offset`, which
 * make y of the former, and of the residual that is added, if any.
 */
function loadGradient({ load }: TensorReads, activation?: ActivationFunction, residual = false): string {
  return `    let centred = ${load("input", "at")} - center;
    let gradient = ${load("outputGradient", "at")};
${
    activation
      ? `    let value = centred * scale + offset${residual ? ` + ${load("residual", "at")}` : ""};
${activationRule(activation).gradient}`
      : "    let result = gradient;"
  }`;
}

/**
 * The sums of g and g x^ over every split of the positions.
 *
 * @param options `shape` of the input, and the `activation` that follows, if any; `residual`, whether a tensor of that shape
 * is added before the activation.
 * @returns A kernel with the bindings `input`, `outputGradient` and, if it is added, `residual` (textures in the software
 * profile), `statistics`, with an activation `weight` and `bias` (f32), with a residual `residualGradient`, to which g is written,
 * and the scratch `partials`.
 * @throws {TypeError} If a residual is added and no activation follows: g is dL/dy then.
 */
export function batchNormGradientSumsKernel(
  options: { shape: Shape; residual?: boolean; activation?: ActivationFunction } & Target,
): Kernel {
  const { shape, residual = false, activation, profile, storage } = options;
  if (residual && !activation) {
    throw new TypeError("Cannot write the gradient of a residual that no activation follows: it is the output's");
  }
  const channel = "vec4<f32>";
  const vector = vectorType(storage);
  const reads = readTensors({
    input: storage,
    outputGradient: storage,
    ...(residual ? { residual: storage } : {}),
  }, profile);
  return channelPartials({
    name: `batch norm gradient sums ${residual ? "residual " : ""}${
      activation ? `${activationName(activation)} ` : ""
    }${storage}`,
    shape,
    profile,
    reads,
    bindings: {
      statistics: channel,
      ...(activation ? { weight: readOnly(channel), bias: readOnly(channel) } : {}),
      ...(residual ? { residualGradient: vector } : {}),
    },
    join: `${JOIN_SUMS}${activation ? activationRule(activation).functions ?? "" : ""}`,
    setup: `${LOAD_STATISTICS}${
      activation
        ? `
  let scale = deviation * weight[lanes];
  let offset = bias[lanes];`
        : ""
    }`,
    step: `${loadGradient(reads, activation, residual)}
    ${residual ? `let stored = ${vector}(result);\n    let summand = vec4<f32>(stored);` : "let summand = result;"}
    pair.first += summand;
    pair.second += summand * (centred * deviation);`,
    ...(residual ? { store: "residualGradient[at] = stored;" } : {}),
  });
}

/**
 * The gradients of weight and bias.
 *
 * @param options `shape` of the input.
 * @returns A kernel with the bindings `partials`, as {@linkcode batchNormGradientSumsKernel} wrote them,
 * `weightGradient` and `biasGradient` (f32).
 */
export function batchNormParameterGradientKernel(options: { shape: Shape; profile: Target["profile"] }): Kernel {
  return channelSums({
    name: "batch norm parameter gradient",
    first: "biasGradient",
    second: "weightGradient",
    ...options,
  });
}

/**
 * The gradient of the input.
 *
 * @param options `shape` of the input, and the `activation` that follows, if any; how many `ranks` share statistics, 1
 * unless given.
 * @returns A kernel with the bindings `input`, `outputGradient` (textures in the software profile), `statistics`,
 * `weight`, with an activation `bias`, `weightGradient`, `biasGradient` (f32, over all ranks) and `inputGradient`.
 */
export function batchNormInputGradientKernel(
  options: { shape: Shape; activation?: ActivationFunction; ranks?: number } & Target,
): Kernel {
  const { shape, activation, ranks = 1, profile, storage } = options;
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  const vector = vectorType(storage);
  const channel = "vec4<f32>";
  const runs = positionRuns(
    shape,
    profile,
    `${LOAD_STATISTICS}  let scale = deviation * weight[lanes];
  let along = deviation * weightGradient[lanes] / f32(parameters.count);
  let shift = biasGradient[lanes] / f32(parameters.count);${activation ? "\n  let offset = bias[lanes];" : ""}`,
    `${loadGradient(reads, activation)}
    inputGradient[at] = ${vector}(scale * (result - shift - centred * along));`,
  );
  return itemKernel({
    name: `batch norm input gradient ${activation ? `${activationName(activation)} ` : ""}${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      statistics: channel,
      weight: readOnly(channel),
      ...(activation ? { bias: readOnly(channel) } : {}),
      weightGradient: channel,
      biasGradient: channel,
      inputGradient: vector,
    },
    functions: activation && activationRule(activation).functions,
    ...runs,
    parameters: [...runs.parameters, { name: "count", value: shape[0] * shape[1] * shape[2] * ranks }],
  });
}
