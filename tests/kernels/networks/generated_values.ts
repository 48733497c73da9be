/**
 * Parameters and images whose numbers follow from their names: fixtures need not hold them. The script in
 * `fixtures/generated/hierarchical.py` makes the same ones, bit for bit.
 *
 * @module
 */

import { type Network, parameterShapes } from "../../../kernels/operations/network.ts";
import type { Parameters, Tensor } from "./reference.ts";

/** FNV-1a of a name. */
function hash(name: string): number {
  return new TextEncoder().encode(name).reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 2166136261);
}

/** A number from 0 to 1: MurmurHash3's finaliser of a Weyl sequence that begins at `seed`. */
function uniform(seed: number, index: number): number {
  let x = Math.imul(index, 0x9E3779B1) + seed | 0;
  x = Math.imul(x ^ x >>> 16, 0x85EBCA6B);
  x = Math.imul(x ^ x >>> 13, 0xC2B2AE35);
  return ((x ^ x >>> 16) >>> 0) / 2 ** 32;
}

/** What a number from 0 to 1 becomes in a parameter. */
function spread(name: string, shape: readonly number[]): (value: number) => number {
  const last = name.slice(name.lastIndexOf(".") + 1);
  if (last === "running_var" || shape.length === 1 && !["bias", "running_mean", "q_bias", "v_bias"].includes(last)) {
    return (value) => 0.5 + value;
  }
  if (last === "logit_scale") return (value) => 1 + value;
  if (shape.length === 1) return (value) => 0.4 * value - 0.2;
  if (last !== "weight") return (value) => value - 0.5;
  const bound = Math.sqrt(3 / shape.slice(1).reduce((product, size) => product * size, 1));
  return (value) => (2 * value - 1) * bound;
}

function fill(shape: readonly number[], name: string, change: (value: number) => number): Tensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const seed = hash(name);
  for (let index = 0; index < data.length; index++) data[index] = change(uniform(seed, index));
  return { shape, data };
}

/**
 * Makes the parameters of a network.
 *
 * @param network The network.
 * @returns Its parameters and running statistics.
 */
export function generateParameters(network: Network): Parameters {
  return new Map(
    [...parameterShapes(network)].map(([name, shape]) => [name, fill(shape, name, spread(name, shape))]),
  );
}

/**
 * Makes images, from -2 to 2.
 *
 * @param shape `[N, C, H, W]`, PyTorch's.
 * @returns The images in this order.
 */
export function generateImages(shape: readonly number[]): Tensor {
  return fill(shape, "image", (value) => 4 * value - 2);
}
