/**
 * A tensor read through a texture: how the software profile reads what its inner loops read.
 *
 * Measured on Mesa 22.3's llvmpipe (LLVM 15, AVX2): one load of a `vec4<f32>` by the 8 invocations of a SIMD vector
 * costs 225 ns from a storage buffer or workgroup memory, whether or not the address is uniform (each lane goes through
 * the stack by itself), 35 ns from a texture and 20 ns from a uniform buffer at a uniform index. So a heavy kernel reads activations through a
 * texture, weights from uniform windows, and touches storage buffers only to store (45 ns). Copying a tensor into its
 * texture runs at 5 GB/s.
 *
 * Row 0 of a texture is never written and therefore zero, so that an index outside the image reads texel 0 rather than
 * branching.
 *
 * @module
 */

import { type Profile, type StatedBindings, type Storage, texture, TEXTURE_WIDTH } from "../../engine/kernel.ts";

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
  /** Storage buffers in the GPU profile, textures in the software profile. */
  readonly bindings: StatedBindings;
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
 * @returns Bindings and the way to read them.
 */
export function readTensors(tensors: Readonly<Record<string, Storage>>, profile: Profile): TensorReads {
  const entries = Object.entries(tensors);
  if (profile === "gpu") {
    return {
      bindings: Object.fromEntries(entries.map(([name, storage]) => [name, `vec4<${storage}>`])),
      load: (name, index) => `vec4<f32>(${name}[${index}])`,
    };
  }
  return {
    bindings: Object.fromEntries(entries.map(([name, storage]) => [name, texture(storage)])),
    load: (name, index) => readTexel(name, `(${index} + ${TEXTURE_WIDTH}u)`),
  };
}
