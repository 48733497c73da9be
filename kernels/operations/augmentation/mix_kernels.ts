/**
 * Mixup and CutMix on the device. One record says what is done with a batch:
 *
 *     top, left, height, width of the box; share of the image, share of its target (f32), 0, 0; partner of each image
 *
 * Inside the box the partner's pixels are taken, outside both by the share of the image. Kernels read four words at a
 * time.
 *
 * @module
 */

import type { Kernel, Profile } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import type { Mix } from "./mix.ts";

/** 32-bit words before the partners. */
const HEAD = 8;

/** 32-bit words of a record, a multiple of 4. */
export function mixWords(batch: number): number {
  return HEAD + Math.ceil(batch / 4) * 4;
}

/**
 * Writes a record.
 *
 * @param words The record.
 * @param mix How the batch is mixed; if absent, every image stays as it is.
 */
export function packMix(words: Uint32Array, mix?: Mix): void {
  const { lambda = 1, box, partners = [] } = mix ?? {};
  words.fill(0);
  if (box) words.set([box.top, box.left, box.height, box.width]);
  new Float32Array(words.buffer, words.byteOffset, HEAD).set([box ? 1 : lambda, lambda], 4);
  for (let image = HEAD; image < words.length; image++) words[image] = partners[image - HEAD] ?? image - HEAD;
}

/** WGSL of an image's partner. */
function partnerOf(image: string): string {
  return `mixing[${HEAD / 4}u + ${image} / 4u][${image} % 4u]`;
}

/**
 * Mixes images.
 *
 * @param options `shape` of the batch, and how it is stored.
 * @returns A kernel with the bindings `input` (a texture in the software profile), `mixing` (`vec4<u32>`, a record) and `output`.
 */
export function mixImagesKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const reads = readTensors({ input: storage }, profile);
  const vector = vectorType(storage);
  return itemKernel({
    name: `mix images ${storage}`,
    profile,
    bindings: { ...reads.bindings, mixing: "vec4<u32>", output: vector },
    parameters: [{ name: "pixels", value: shape[1] * shape[2] }, { name: "width", value: shape[2] }],
    items: tensorVectors(shape),
    body: `  let sample = item / parameters.pixels;
  let pixel = item % parameters.pixels;
  let other = ${partnerOf("sample")} * parameters.pixels + pixel;
  let box = mixing[0];
  // Left of and above the box the differences wrap around, past its size.
  let inside = (pixel / parameters.width - box.x < box.z) & (pixel % parameters.width - box.y < box.w);
  let share = select(bitcast<f32>(mixing[1].x), 0.0, inside);
  let mixed = ${reads.load("input", "item")} * share + ${reads.load("input", "other")} * (1.0 - share);
  output[item] = ${vector}(mixed);`,
  });
}

/**
 * Mixes targets.
 *
 * @param options Rows of a `batch`, of `classes` each.
 * @returns A kernel with the bindings `input` (f32, `[N, C]`; a texture in the software profile), `mixing` (`vec4<u32>`, a record)
 * and `output`, like the input.
 */
export function mixTargetsKernel(options: { batch: number; classes: number; profile: Profile }): Kernel {
  const { batch, classes, profile } = options;
  const reads = readTensors({ input: "f32" }, profile);
  const vectors = channelVectors(classes);
  return itemKernel({
    name: "mix targets",
    profile,
    bindings: { ...reads.bindings, mixing: "vec4<u32>", output: "vec4<f32>" },
    parameters: [{ name: "vectors", value: vectors }],
    items: batch * vectors,
    body: `  let row = item / parameters.vectors;
  let other = ${partnerOf("row")} * parameters.vectors + item % parameters.vectors;
  let share = bitcast<f32>(mixing[1].y);
  output[item] = ${reads.load("input", "item")} * share + ${reads.load("input", "other")} * (1.0 - share);`,
  });
}
