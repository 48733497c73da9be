/**
 * Activations: elementwise functions of the feature map.
 *
 * | function | y | of padding (0) |
 * | --- | --- | --- |
 * | relu | max(x, 0) | 0 |
 * | relu6 | min(max(x, 0), 6) | 0 |
 * | silu | x s(x) | 0 |
 * | sigmoid | s(x) = 1 / (1 + e^-x) | 1/2, so its store is masked |
 *
 * e^-x overflows f32 at x = -88.7, and WGSL lets an implementation assume that infinities do not occur. Below -87 the
 * exponent is therefore held at 87 and the numerator of silu at 0: s(-87) is 1.6e-38, and the divisor stays under 2^126,
 * the end of the range in which WGSL's division is accurate. `select` rather than `min` lets NaN through.
 *
 * A plan seldom runs these kernels: a convolution takes {@linkcode activationExpression} into its store.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import type { ActivationFunction } from "../network.ts";
import {
  channelVectors,
  itemKernel,
  realLanes,
  type Shape,
  type Target,
  tensorVectors,
  vectorType,
} from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * An activation in WGSL.
 *
 * @param activation Which.
 * @param value The name of a `vec4<f32>`; it may occur more than once in the result.
 * @returns An expression of type `vec4<f32>`. Of zero it is zero, except for `sigmoid`.
 */
export function activationExpression(activation: ActivationFunction, value: string): string {
  const low = `${value} < vec4<f32>(-87.0)`;
  const divisor = `(1.0 + exp(select(-${value}, vec4<f32>(87.0), ${low})))`;
  switch (activation) {
    case "relu":
      return `max(${value}, vec4<f32>(0.0))`;
    case "relu6":
      return `clamp(${value}, vec4<f32>(0.0), vec4<f32>(6.0))`;
    case "silu":
      return `(select(${value}, vec4<f32>(0.0), ${low}) / ${divisor})`;
    case "sigmoid":
      return `(1.0 / ${divisor})`;
  }
}

/** An activation on the CPU, in float64. */
export function activationReference(activation: ActivationFunction, value: number): number {
  switch (activation) {
    case "relu":
      return Math.max(value, 0);
    case "relu6":
      return Math.min(Math.max(value, 0), 6);
    case "silu":
      return value / (1 + Math.exp(-value));
    case "sigmoid":
      return 1 / (1 + Math.exp(-value));
  }
}

/**
 * An activation as a pass of its own.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `output`.
 */
export function activationKernel(options: { activation: ActivationFunction; shape: Shape } & Target): Kernel {
  const { activation, shape, profile, storage } = options;
  const channels = shape[3];
  const vector = vectorType(storage);
  const masked = activation === "sigmoid";
  const expression = activationExpression(activation, "value");
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `activation ${activation} ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    textures: reads.textures,
    parameters: masked
      ? [{ name: "channels", value: channels }, { name: "vectors", value: channelVectors(channels) }]
      : [],
    items: tensorVectors(shape),
    body: `  let value = ${reads.load("input", "item")};
  output[item] = ${vector}(${
      masked
        ? `select(vec4<f32>(0.0), ${expression}, ${realLanes("item % parameters.vectors", "parameters.channels")})`
        : expression
    });`,
  });
}
