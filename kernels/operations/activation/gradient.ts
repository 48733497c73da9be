/**
 * Gradients of the activations, from the saved input x and g = dL/dy; s is the sigmoid.
 *
 * | function | dL/dx |
 * | --- | --- |
 * | relu | g where x > 0 |
 * | relu6 | g where 0 < x < 6 |
 * | silu | g s(x) (1 + x (1 - s(x))) |
 * | sigmoid | g s(x) (1 - s(x)) |
 *
 * As in PyTorch, relu and relu6 have the slope 0 at their corners. With e = e^-|x|, s(x) (1 - s(x)) is e / (1 + e)^2,
 * in which nothing cancels; exponents below -87 are held there, as in `activation.ts`. Padding lanes have g = 0.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import type { ActivationFunction } from "../network.ts";
import { itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** The derivative of an activation on the CPU, in float64. */
export function activationDerivative(activation: ActivationFunction, value: number): number {
  const power = Math.exp(-Math.abs(value));
  const sigmoid = (value < 0 ? power : 1) / (1 + power);
  const slope = power / (1 + power) ** 2;
  switch (activation) {
    case "relu":
      return value > 0 ? 1 : 0;
    case "relu6":
      return value > 0 && value < 6 ? 1 : 0;
    case "silu":
      return sigmoid + value * slope;
    case "sigmoid":
      return slope;
  }
}

/**
 * The gradient in WGSL.
 *
 * @param activation Which.
 * @returns Statements that make `result` of the input `value` and the output's `gradient`, all `vec4<f32>`.
 */
export function activationGradientBody(activation: ActivationFunction): string {
  const zero = "vec4<f32>(0.0)";
  switch (activation) {
    // Comparisons that a NaN fails let the gradient through.
    case "relu":
      return `  let result = select(gradient, ${zero}, value <= ${zero});`;
    case "relu6":
      return `  let result = select(gradient, ${zero}, (value <= ${zero}) | (value >= vec4<f32>(6.0)));`;
    case "silu":
    case "sigmoid":
      return `  let held = clamp(value, vec4<f32>(-87.0), vec4<f32>(87.0));
  let power = exp(-abs(held));
  let divisor = 1.0 + power;
${
        activation === "sigmoid"
          ? "  let result = gradient * (power / (divisor * divisor));"
          : `  let sigmoid = select(vec4<f32>(1.0), power, value < ${zero}) / divisor;
  let result = gradient * (sigmoid + held * (power / (divisor * divisor)));`
      }`;
  }
}

/**
 * The gradient of an activation.
 *
 * @param options `shape` of input and output.
 * @returns A kernel with `input` and `outputGradient` (textures in the software profile) and the binding
 * `inputGradient`.
 */
export function activationGradientKernel(options: { activation: ActivationFunction; shape: Shape } & Target): Kernel {
  const { activation, shape, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage, outputGradient: storage }, profile);
  return itemKernel({
    name: `activation gradient ${activation} ${storage}`,
    profile,
    bindings: { ...reads.bindings, inputGradient: vector },
    textures: reads.textures,
    parameters: [],
    items: tensorVectors(shape),
    body: `  let value = ${reads.load("input", "item")};
  let gradient = ${reads.load("outputGradient", "item")};
${activationGradientBody(activation)}
  inputGradient[item] = ${vector}(result);`,
  });
}
