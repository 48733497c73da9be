/**
 * What the variants of convolution share: the form of their result, and the WGSL declarations of a kernel that reads
 * textures and windows beside storage buffers.
 *
 * @module
 */

import { type Kernel, type Parameter, parameterBlock, WINDOW_BYTES } from "../../kernel.ts";
import { textureDeclaration } from "../texture.ts";

/** One dispatch of a convolution. */
export interface ConvolutionDispatch {
  readonly kernel: Kernel;
  /** Where the binding `weights` begins in the packed weights, bytes, a multiple of 256. */
  readonly weightsOffset: number;
}

/** Convolution weights as PyTorch orders them: `[O, I / groups, kernelHeight, kernelWidth]` and `[O]`. */
export interface ConvolutionWeights {
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
}

/**
 * Declares storage bindings, textures, windows and the uniform block, in this order.
 *
 * @param options `storage`: WGSL element type by name.
 * @returns WGSL.
 */
export function declare(options: {
  storage: Readonly<Record<string, string>>;
  textures: readonly string[];
  windows: readonly string[];
  parameters: readonly Parameter[];
}): string {
  const { storage, textures, windows, parameters } = options;
  let binding = 0;
  return [
    ...Object.entries(storage).map(([name, type]) =>
      `@group(0) @binding(${binding++}) var<storage, read_write> ${name}: array<${type}>;\n`
    ),
    ...textures.map((name) => textureDeclaration(name, binding++)),
    ...windows.map((name) =>
      `@group(0) @binding(${binding++}) var<uniform> ${name}: array<vec4<f32>, ${WINDOW_BYTES / 16}>;\n`
    ),
    parameterBlock(parameters, binding),
  ].join("");
}
