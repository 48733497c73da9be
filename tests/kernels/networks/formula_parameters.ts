/**
 * Parameters that are formulas, so that a fixture need not hold them: `fixtures/formula_networks.py` computes the same.
 *
 * @module
 */

import { type Network, parameterShapes } from "../../../kernels/operations/network.ts";
import { fromNCHW, type Parameters, type Tensor } from "./reference.ts";

/** Numbers of [-1, 1): murmur's finaliser of the index, from the FNV-1a hash of the name on. */
function numbers(name: string, count: number): Float64Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Float64Array.from({ length: count }, (_, index) => {
    let x = (Math.imul(index, 0x9e3779b9) + seed) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/**
 * A parameter.
 *
 * @param name Its name.
 * @param shape Its shape, in PyTorch's axis order.
 * @param factor What it is multiplied by; default 1.
 * @returns The tensor.
 */
export function formulaParameter(name: string, shape: readonly number[], factor = 1): Tensor {
  const values = numbers(name, shape.reduce((product, size) => product * size, 1));
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  const form: (value: number) => number = name.endsWith("running_var")
    ? (value) => 1 + 0.5 * value
    : shape.length >= 2
    ? shape[0] > 1 ? (value) => value * Math.sqrt(3 / inputs) : (value) => 0.5 * value
    : name.includes("bias") || name.endsWith("running_mean")
    ? (value) => 0.2 * value
    : (value) => 1 + 0.3 * value;
  return { shape, data: Float32Array.from(values, (value) => Math.fround(form(value)) * factor) };
}

/**
 * All parameters of a network.
 *
 * @param network The network.
 * @returns Tensors by name.
 */
export function formulaParameters(network: Network): Parameters {
  return new Map([...parameterShapes(network)].map(([name, shape]) => [name, formulaParameter(name, shape)]));
}

/**
 * The image.
 *
 * @param height Its height.
 * @param width Its width.
 * @returns `[1, height, width, 3]`.
 */
export function formulaImage(height: number, width: number): Tensor {
  return fromNCHW(formulaParameter("image", [1, 3, height, width], 2));
}
