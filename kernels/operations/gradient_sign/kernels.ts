/**
 * The step of the fast gradient sign method: every value of an image moves by epsilon in the direction in which the loss
 * rises, and stays within the image's range,
 *
 *     x' = min(max(x + epsilon sign(dL/dx), lowest), highest).
 *
 * On a normalised image, (v - mean) / std with v in [0, 1], the step is epsilon / std and the range that of v = 0 and 1,
 * colour by colour.
 *
 * Source: Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", 2015, section 4.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";

/** How far an image moves, and its range; a number for each colour. */
export interface SignStep {
  readonly step: readonly number[];
  readonly lowest: readonly number[];
  readonly highest: readonly number[];
}

/**
 * The step on a normalised image.
 *
 * @param options `epsilon` as a share of the range of a colour; `mean` and `std` of the normalisation.
 * @returns Step and range of each colour.
 */
export function normalisedSignStep(
  options: { readonly epsilon: number; readonly mean: readonly number[]; readonly std: readonly number[] },
): SignStep {
  const { epsilon, mean, std } = options;
  return {
    step: std.map((deviation) => epsilon / deviation),
    lowest: std.map((deviation, colour) => -mean[colour] / deviation),
    highest: std.map((deviation, colour) => (1 - mean[colour]) / deviation),
  };
}

/**
 * The step on the CPU.
 *
 * @param input `[N, H, W, 3]`.
 * @param gradient dL/dinput, of the same shape.
 * @param options Step and range.
 * @returns The moved image.
 */
export function gradientSignReference(
  input: ArrayLike<number>,
  gradient: ArrayLike<number>,
  { step, lowest, highest }: SignStep,
): Float64Array {
  return Float64Array.from(input, (value, index) => {
    const colour = index % 3;
    return Math.min(Math.max(value + step[colour] * Math.sign(gradient[index]), lowest[colour]), highest[colour]);
  });
}

/**
 * The step.
 *
 * @param options `shape` of the image, step and range.
 * @returns A kernel with the bindings `input`, `gradient` and `output`.
 */
export function gradientSignKernel(options: { shape: Shape } & SignStep & Target): Kernel {
  const { shape, step, lowest, highest, profile, storage } = options;
  const vector = vectorType(storage);
  const colours = ["Red", "Green", "Blue"];
  const numbers = Object.entries({ step, lowest, highest });
  return itemKernel({
    name: `gradient sign ${storage}`,
    profile,
    bindings: { input: vector, gradient: vector, output: vector },
    parameters: numbers.flatMap(([name, values]) =>
      colours.map((colour, index) => ({ name: `${name}${colour}`, type: "f32" as const, value: values[index] }))
    ),
    items: tensorVectors(shape),
    body: `${
      numbers.map(([name]) =>
        `  let ${name} = vec4<f32>(${colours.map((colour) => `parameters.${name}${colour}`).join(", ")}, 0.0);`
      ).join("\n")
    }
  let moved = vec4<f32>(input[item]) + step * sign(vec4<f32>(gradient[item]));
  output[item] = ${vector}(clamp(moved, lowest, highest));`,
  });
}
