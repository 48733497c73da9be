/**
 * A tensor read through a texture: how the software profile reads what its inner loops read.
 *
 * Measured on Mesa 22.3's llvmpipe (LLVM 15, AVX2): one load of a `vec4<f32>` by the 8 invocations of a SIMD vector
 * costs 225 ns from a storage buffer or workgroup memory, whether or not the address is uniform (each lane goes through
 * the stack by itself), 35 ns from a texture and 20 ns from a uniform buffer at a uniform index. So a heavy kernel reads activations through a
 * texture, weights from uniform windows, and touches storage buffers only to store (45 ns). Copying a tensor into its
 * texture runs at 5 GB/s.
 *
 * The layout is linear: 4-vector i of the tensor is the texel (i mod 1024, 1 + i / 1024). Row 0 is never written and
 * therefore zero, so that an index outside the image reads texel 0 rather than branching.
 *
 * @module
 */

import type { Profile, Storage, TextureBinding } from "../../engine/kernel.ts";

/** Texels of a row; a power of two. */
export const TEXTURE_WIDTH = 1024;

/** The texel format that holds a tensor. */
export function textureFormat(storage: Storage): TextureBinding["format"] {
  return storage === "f16" ? "rgba16float" : "rgba32float";
}

/** Texture rows of a tensor, the row of zeros not counted. */
export function textureRows(vectors: number): number {
  return Math.ceil(vectors / TEXTURE_WIDTH);
}

/** The WGSL declaration of a tensor's texture. */
export function textureDeclaration(name: string, binding: number): string {
  return `@group(0) @binding(${binding}) var ${name}: texture_2d<f32>;\n`;
}

/**
 * WGSL that reads a texel.
 *
 * @param name The texture.
 * @param texel WGSL of the texel's linear number, a `u32`; tensor element i is texel `i + TEXTURE_WIDTH`. It occurs twice.
 * @returns An expression of type `vec4<f32>`.
 */
export function readTexel(name: string, texel: string): string {
  return `textureLoad(${name}, vec2<u32>(${texel} & ${TEXTURE_WIDTH - 1}u, ${texel} >> ${
    Math.log2(TEXTURE_WIDTH)
  }u), 0)`;
}

/** Tensors that a kernel reads, in the way of its profile. */
export interface TensorReads {
  /** Storage bindings by name: those of a GPU. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Textures: those of the software profile. */
  readonly textures: readonly TextureBinding[];
  /**
   * WGSL that reads a 4-vector of a tensor.
   *
   * @param name The tensor.
   * @param index WGSL of the vector's number, a `u32`. It may occur twice.
   * @returns An expression of type `vec4<f32>`.
   */
  readonly load: (name: string, index: string) => string;
}

/**
 * Reads tensors from storage bindings on a GPU, through textures in the software profile.
 *
 * @param tensors Storage by name.
 * @param profile The kernel's.
 * @returns Bindings, textures and the way to read them.
 */
export function readTensors(tensors: Readonly<Record<string, Storage>>, profile: Profile): TensorReads {
  const entries = Object.entries(tensors);
  if (profile === "gpu") {
    return {
      bindings: Object.fromEntries(entries.map(([name, storage]) => [name, `vec4<${storage}>`])),
      textures: [],
      load: (name, index) => `vec4<f32>(${name}[${index}])`,
    };
  }
  return {
    bindings: {},
    textures: entries.map(([name, storage]) => ({ name, format: textureFormat(storage) })),
    load: (name, index) => readTexel(name, `(${index} + ${TEXTURE_WIDTH}u)`),
  };
}
