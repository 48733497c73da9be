/**
 * Packed weights made on the device, for weights that change every step. Packing only moves values, so that it is a table:
 * for each word of the packed form the place of the master weight that it holds, or none. The table is found once on the
 * CPU, by packing the places themselves.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { itemKernel, type Target, vectorType } from "../tensor.ts";
import type { ConvolutionWeights } from "./dispatch.ts";
import { packInputGradientWeights } from "./input_gradient.ts";
import { packWeights } from "./mod.ts";
import type { ConvolutionShape } from "./shape.ts";

/** Places are packed as f32, which holds each integer below 2^24. */
const MOST_PLACES = 2 ** 24;

function placeTable(
  { inputChannels, outputChannels, kernel, groups }: ConvolutionShape,
  biases: number,
  pack: (places: ConvolutionWeights) => Float32Array | Float16Array,
): Uint32Array<ArrayBuffer> {
  const weights = outputChannels * inputChannels / groups * kernel[0] * kernel[1];
  if (weights + biases >= MOST_PLACES) {
    throw new RangeError(`Cannot gather ${weights + biases} weights of a convolution: at most ${MOST_PLACES - 1}`);
  }
  return Uint32Array.from(pack({
    weight: Float32Array.from({ length: weights }, (_, index) => 1 + index),
    ...(biases > 0 ? { bias: Float32Array.from({ length: biases }, (_, index) => 1 + weights + index) } : {}),
  }));
}

/**
 * The table of the weights that the convolution itself reads.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @param bias Whether it has one.
 * @returns For each word of what `packWeights` gives: 0 for none, 1 + an index into the weights in PyTorch's order, or, from
 * 1 + their number on, into the bias.
 * @throws {RangeError} If there are more than 2^24 - 2 weights.
 */
export function weightPlaces(shape: ConvolutionShape, { profile }: Target, bias: boolean): Uint32Array<ArrayBuffer> {
  const biases = bias ? shape.outputChannels : 0;
  return placeTable(shape, biases, (places) => packWeights(shape, places, { profile, storage: "f32" }));
}

/**
 * The table of the weights that the gradient of the convolution's input reads.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @returns As {@linkcode weightPlaces}, of what `packInputGradientWeights` gives.
 * @throws {RangeError} If there are more than 2^24 - 2 weights.
 */
export function inputGradientWeightPlaces(shape: ConvolutionShape, { profile }: Target): Uint32Array<ArrayBuffer> {
  return placeTable(
    shape,
    0,
    ({ weight }) => packInputGradientWeights(shape, weight, { profile, storage: "f32" }),
  );
}

/**
 * Gathers packed weights from master weights.
 *
 * @param options `words` of the packed form, a multiple of 4; `weights` before the bias; `bias`, whether there is one;
 * `storage` of activations: the software profile packs as f32 all the same.
 * @returns A kernel with the bindings `places` (the table), `master` (f32, PyTorch's order), `bias` (f32) if there is one, and
 * `packed`.
 */
export function gatherWeightsKernel(
  options: { words: number; weights: number; bias: boolean } & Target,
): Kernel {
  const { words, weights, bias, profile, storage } = options;
  const type = profile === "software" ? "f32" : storage;
  const vector = vectorType(type);
  const value = (lane: string) => {
    const place = `place.${lane}`;
    return bias
      ? `select(select(0.0, master[max(${place}, 1u) - 1u], ${place} > 0u), bias[max(${place}, limit) - limit], ${place} >= limit)`
      : `select(0.0, master[max(${place}, 1u) - 1u], ${place} > 0u)`;
  };
  return itemKernel({
    name: `gather weights${bias ? " and bias" : ""} ${type}`,
    profile,
    bindings: {
      places: "vec4<u32>",
      master: "f32",
      ...(bias ? { bias: "f32" } : {}),
      packed: vector,
    },
    parameters: bias ? [{ name: "weights", value: weights }] : [],
    items: words / 4,
    body: `  let place = places[item];
${bias ? "  let limit = parameters.weights + 1u;\n" : ""}  packed[item] = ${vector}(vec4<f32>(
    ${["x", "y", "z", "w"].map(value).join(",\n    ")},
  ));`,
  });
}
