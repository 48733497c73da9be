/**
 * Learned tokens in front of those of each image: class token, register tokens.
 *
 * The input's gradient is the run of positions behind them; a token's is its gradient's sum over the images
 * (`imageSumsKernel`).
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { channelsLast, readParameters, strideParameters } from "../shared/flat_parameter.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";

/**
 * The shape of the tokens together.
 *
 * @param input `[N, H, W, C]`.
 * @param counts How many tokens each parameter has.
 * @returns `[N, 1, P + H * W, C]`.
 */
export function prefixTokensShape([batch, height, width, channels]: Shape, counts: readonly number[]): Shape {
  return [batch, 1, counts.reduce((sum, count) => sum + count, height * width), channels];
}

/**
 * The tokens one behind the other.
 *
 * @param options `shape` of the input; how many tokens each parameter has.
 * @returns A kernel with `input` (a texture in the software profile), the bindings `tokens0`, `tokens1`, ... (f32) and
 * `output`.
 */
export function prefixTokensKernel(options: { shape: Shape; counts: readonly number[] } & Target): Kernel {
  const { shape, counts, profile, storage } = options;
  const channels = shape[3];
  const vector = vectorType(storage);
  const output = prefixTokensShape(shape, counts);
  const reads = readTensors({ input: storage }, profile);
  const names = counts.map((_, index) => `tokens${index}`);
  const parameter = readParameters(names, channelsLast(channels), channels);
  const branches = names.map((name) =>
    wgsl`
      if (token < parameters.${name}) {
        output[item] = ${vector}(${parameter.load(name, "token", "lanes")});
        return;
      }
      token -= parameters.${name};`
  );
  return itemKernel({
    name: `prefix ${counts.length} tokens ${parameter.kind}${storage}`,
    profile,
    bindings: { ...reads.bindings, ...parameter.bindings, output: vector },
    parameters: [
      { name: "tokens", value: output[2] },
      { name: "positions", value: shape[1] * shape[2] },
      { name: "vectors", value: channelVectors(channels) },
      { name: "channels", value: channels },
      ...strideParameters(channelsLast(channels)),
      ...names.map((name, index) => ({ name, value: counts[index] })),
    ],
    items: tensorVectors(output),
    functions: parameter.functions,
    body: wgsl`
      let lanes = item % parameters.vectors;
      let image = item / parameters.vectors / parameters.tokens;
      var token = item / parameters.vectors % parameters.tokens;
      ${branches}
      let at = (image * parameters.positions + token) * parameters.vectors + lanes;
      output[item] = ${vector}(${reads.load("input", "at")});`,
  });
}

/**
 * The tokens one behind the other on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape The input's shape.
 * @param tokens The parameters in order, `[count, C]` each.
 * @returns As {@linkcode prefixTokensShape}.
 */
export function prefixTokensReference(
  input: ArrayLike<number>,
  [batch, height, width, channels]: Shape,
  tokens: readonly ArrayLike<number>[],
): Float64Array {
  const length = height * width * channels;
  return Float64Array.from(
    Array.from({ length: batch }, (_, image) => [
      ...tokens.flatMap((values) => Array.from(values)),
      ...Array.from({ length }, (_, index) => input[image * length + index]),
    ]).flat(),
  );
}
