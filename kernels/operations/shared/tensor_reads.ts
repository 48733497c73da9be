/**
 * A tensor read through a texture: how the software profile reads what its inner loops read.
 *
 * Measured on Mesa 22.3's llvmpipe (LLVM 15, AVX2), one load of a `vec4<f32>` by the 8 invocations of a SIMD vector costs
 *
 * | | ns |
 * | --- | --- |
 * | read-only storage texture, f32 or f16 | 14, 16 |
 * | uniform buffer | 20 |
 * | sampled texture, f32 or f16 | 25, 29 |
 * | storage buffer in a plain loop | 30 |
 * | storage buffer or workgroup memory in larger kernels, where each lane goes through the stack by itself | up to 225 |
 *
 * So a heavy kernel reads activations through a storage texture, weights from uniform windows, and touches storage buffers
 * only to store (45 ns). Copying a tensor into its texture runs at 5 GB/s. Against sampled textures the storage ones saved a
 * seventh of a linear layer's time and a third to a half of attention's.
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
  return `textureLoad(${name}, vec2<u32>(${texel} & ${TEXTURE_WIDTH - 1}u, ${texel} >> ${Math.log2(TEXTURE_WIDTH)}u))`;
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
