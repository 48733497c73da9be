/**
 * What the variants of convolution share: the form of their result, the parameters that place a window, and what happens
 * to a sum before it is stored.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { type ActivationFunction, activationName, activationRule } from "../activation/functions/mod.ts";
import { realLanes } from "../shared/tensor.ts";
import { wgsl } from "../shared/wgsl.ts";
import type { ConvolutionShape, Epilogue, Spread } from "./shape.ts";

/** Convolution weights as PyTorch orders them: `[O, I / groups, kernelHeight, kernelWidth]` and `[O]`. */
export interface ConvolutionWeights {
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
}

/**
 * The uniform members that place a window: where a kernel is not pointwise, it finds its input with them. `before` may be
 * negative: kernels take it as an `i32`.
 *
 * @param shape The convolution.
 * @returns Values by name.
 */
export function windowParameters({ kernel, stride, before, input, output }: ConvolutionShape): Record<string, number> {
  return {
    kernelX: kernel[1],
    strideY: stride[0],
    strideX: stride[1],
    beforeY: before[0] >>> 0,
    beforeX: before[1] >>> 0,
    inputY: input[0],
    inputX: input[1],
    outputY: output[0],
    outputX: output[1],
  };
}

/**
 * The uniform members that place outputs in a larger tensor.
 *
 * @param shape The convolution.
 * @param spread Places of the outputs in the larger tensor.
 * @returns Values by name; none without a spread.
 */
export function spreadParameters({ output }: ConvolutionShape, spread: Spread | undefined): Record<string, number> {
  return spread
    ? {
      outputY: output[0],
      outputX: output[1],
      firstY: spread.first[0],
      firstX: spread.first[1],
      stepY: spread.step[0],
      stepX: spread.step[1],
      spreadY: spread.size[0],
      spreadX: spread.size[1],
    }
    : {};
}

/** The WGSL function `spread`: from an output position's number to that of its place in the larger tensor. */
export const SPREAD_FUNCTION = spreadFunction("position: u32");

/** {@linkcode SPREAD_FUNCTION} for a kernel of several phases, which gives it the phase's parameters. */
export const PHASE_SPREAD_FUNCTION = spreadFunction("parameters: Parameters, position: u32");

function spreadFunction(takes: string): string {
  return `
fn spread(${takes}) -> u32 {
  let column = position % parameters.outputX;
  let row = position / parameters.outputX % parameters.outputY;
  let image = position / parameters.outputX / parameters.outputY;
  return (image * parameters.spreadY + parameters.firstY + row * parameters.stepY) * parameters.spreadX +
    parameters.firstX + column * parameters.stepX;
}
`;
}

/** What an activation adds to the name of a kernel. */
export function activationLabel(activation: ActivationFunction | undefined): string {
  return activation ? ` ${activationName(activation)}` : "";
}

/** The WGSL functions that {@linkcode activated} calls. */
export function activationFunctions(activation: ActivationFunction | undefined): string {
  return activation ? activationRule(activation).functions ?? "" : "";
}

/** The uniform member that says with which texel weights begin, where kernels read them through a texture. */
export const FIRST_WEIGHT = "firstWeight";

/**
 * A kernel of a convolution with other weights.
 *
 * @param kernel The kernel.
 * @param bytes How much further on in the packed weights its own begin, a multiple of 256.
 * @returns The kernel, whose binding `weights` has another offset, or its first texel another number.
 */
export function shiftWeights(kernel: Kernel, bytes: number): Kernel {
  return {
    ...kernel,
    parameters: kernel.parameters.map((parameter) =>
      parameter.name === FIRST_WEIGHT ? { ...parameter, value: parameter.value + bytes / 16 } : parameter
    ),
    bindings: kernel.bindings.map((binding) =>
      binding.name === "weights" && "offset" in binding ? { ...binding, offset: binding.offset + bytes } : binding
    ),
  };
}

/**
 * What a sum becomes before it is stored.
 *
 * @param activation The activation, if there is one.
 * @param value The name of a `vec4<f32>`: the sum with bias and residual.
 * @param vector WGSL of the number of its vector among the output's channels.
 * @returns A `vec4<f32>` whose padding lanes are zero. It reads `parameters.outputChannels` where the activation does not
 * keep zero.
 */
export function activated(activation: ActivationFunction | undefined, value: string, vector: string): string {
  if (!activation) return value;
  const { expression, keepsZero } = activationRule(activation);
  const result = expression(value);
  return keepsZero ? result : `select(vec4<f32>(0.0), ${result}, ${realLanes(vector, "parameters.outputChannels")})`;
}

/** What a sum is called in WGSL, and where it belongs. */
export interface NamedSum {
  /** A `vec4<f32>`: the products alone. */
  readonly sum: string;
  /** Names of its position's number and of its vector among the output's channels, both `u32`. */
  readonly position: string;
  readonly column: string;
  /** Whether its kernel computes several phases, and finds the numbers of its own in the local `parameters`. */
  readonly phased?: boolean;
}

/**
 * WGSL that stores a sum of the GPU profile's dense convolutions, if the output has its channels.
 *
 * @param named The sum.
 * @param epilogue What follows it.
 * @param vector WGSL type of an element of the output.
 * @returns Statements. They read `weights`, whose last row are the biases, `residual`, and {@linkcode SPREAD_FUNCTION}.
 */
export function storeSum(
  { sum, position, column, phased = false }: NamedSum,
  epilogue: Epilogue,
  vector: string,
): string {
  const { activation, residualChannels, spread } = epilogue;
  const residual = residualChannels !== undefined;
  return wgsl`
    if (${column} < parameters.outputVectors) {
      ${residual ? "var" : "let"} value = ${sum} + vec4<f32>(weights[${
    phased ? "parameters.firstWeight + " : ""
  }parameters.steps * 4u * parameters.outputVectors + ${column}]);
      ${
    residual && wgsl`
        if (${column} < parameters.residualVectors) {
          value += vec4<f32>(residual[${position} * parameters.residualVectors + ${column}]);
        }
      `
  }
      output[${
    spread ? `spread(${phased ? "parameters, " : ""}${position})` : position
  } * parameters.outputVectors + ${column}] = ${vector}(${activated(activation, "value", column)});
    }
  `;
}
