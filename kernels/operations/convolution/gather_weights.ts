/**
 * Packed weights made on the device, for weights that change every step. Packing only moves values, so that it is a table:
 * for each word of the packed form the place of the master weight that it holds, or none. The table is found once on the
 * CPU, by packing the places themselves.
 *
 * One dispatch packs the weights of many convolutions, which lie end to end: a network has dozens of small ones, and each
 * dispatch waits for the one before. Packed forms are full of zeros, up to 64 KiB of them behind each, which are there from
 * the beginning and stay: the dispatch's table leaves out 4-vectors without a weight.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { itemKernel, type Target, vectorType } from "../shared/tensor.ts";
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
  const weight = countFrom(1, weights);
  return new Uint32Array(pack({ weight, ...(biases > 0 ? { bias: countFrom(1 + weights, biases) } : {}) }));
}

/** So many whole numbers. `Float32Array.from` takes ten times as long, seconds for the weights of a large network. */
function countFrom(first: number, length: number): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(length);
  for (let index = 0; index < length; index++) numbers[index] = first + index;
  return numbers;
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
export function weightPlaces(shape: ConvolutionShape, target: Target, bias: boolean): Uint32Array<ArrayBuffer> {
  const biases = bias ? shape.outputChannels : 0;
  return placeTable(shape, biases, (places) => packWeights(shape, places, { ...target, storage: "f32" }));
}

/**
 * The table of the weights that the gradient of the convolution's input reads.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @returns As {@linkcode weightPlaces}, of what `packInputGradientWeights` gives.
 * @throws {RangeError} If there are more than 2^24 - 2 weights.
 */
export function inputGradientWeightPlaces(shape: ConvolutionShape, target: Target): Uint32Array<ArrayBuffer> {
  return placeTable(
    shape,
    0,
    ({ weight }) => packInputGradientWeights(shape, weight, { ...target, storage: "f32" }),
  );
}

/** A packed form among others. */
export interface PackedForm {
  /** What {@linkcode weightPlaces} or {@linkcode inputGradientWeightPlaces} gives. */
  readonly places: Uint32Array;
  /** The 4-vector of the packed buffer with which it begins. */
  readonly first: number;
  /** Weights of the convolution, which come before the bias in `places`. */
  readonly weights: number;
  /** Offsets of weights and bias in the flat buffer of parameters. */
  readonly origin: { readonly weight: number; readonly bias?: number };
}

/** Words of the table for each 4-vector: its number, and the places of its lanes. */
const ENTRY = 5;

/** Bytes of a {@linkcode gatherTable} of so many 4-vectors. */
export function gatherTableBytes(vectors: number): number {
  return vectors * ENTRY * 4;
}

/** 4-vectors of a packed form that hold a weight. */
export function filledVectors(places: Uint32Array): number {
  let filled = 0;
  for (let at = 0; at < places.length; at += 4) if (isFilled(places, at)) filled++;
  return filled;
}

function isFilled(places: Uint32Array, at: number): boolean {
  return (places[at] | places[at + 1] | places[at + 2] | places[at + 3]) !== 0;
}

/**
 * The table that {@linkcode gatherWeightsKernel} reads.
 *
 * @param forms What is packed, made one after the other.
 * @param vectors The sum of their {@linkcode filledVectors}.
 * @returns u32 `[vectors, 5]`: the 4-vector's number, and for each lane 0, or 1 + its place among all parameters.
 */
export function gatherTable(forms: Iterable<PackedForm>, vectors: number): Uint32Array<ArrayBuffer> {
  const table = new Uint32Array(vectors * ENTRY);
  let entry = 0;
  for (const { places, first, weights, origin } of forms) {
    const { weight, bias = 0 } = origin;
    for (let at = 0; at < places.length; at += 4) {
      if (!isFilled(places, at)) continue;
      table[entry++] = first + at / 4;
      for (let lane = at; lane < at + 4; lane++) {
        const place = places[lane];
        table[entry++] = place === 0 ? 0 : place <= weights ? weight + place : bias + place - weights;
      }
    }
  }
  return table;
}

/**
 * Gathers packed weights from master weights.
 *
 * @param options `vectors` of the table; `storage` of activations: the software profile packs as f32 all the same.
 * @returns A kernel with the bindings `places` (see {@linkcode gatherTable}), `master` (f32, all parameters), and `packed`,
 * of which it writes the vectors in the table.
 */
export function gatherWeightsKernel({ vectors, profile, storage }: { vectors: number } & Target): Kernel {
  const type = profile === "software" ? "f32" : storage;
  const vector = vectorType(type);
  const lanes = [1, 2, 3, 4].map((lane) => `places[entry + ${lane}u]`);
  return itemKernel({
    name: `gather weights ${type}`,
    profile,
    joinable: true,
    bindings: { places: readOnly("u32"), master: readOnly("f32", vectors * 16), packed: vector },
    parameters: [],
    items: vectors,
    body: `  let entry = item * ${ENTRY}u;
  let place = vec4<u32>(${lanes.join(", ")});
  let at = max(place, vec4<u32>(1u)) - 1u;
  let value = vec4<f32>(master[at.x], master[at.y], master[at.z], master[at.w]);
  packed[places[entry]] = ${vector}(select(vec4<f32>(0.0), value, place > vec4<u32>(0u)));`,
  });
}
