/**
 * Textures on the device that tensors are read through; {@linkcode TEXTURE_WIDTH} says how a tensor lies in one.
 *
 * @module
 */

import type { Device } from "./device.ts";
import { TEXTURE_WIDTH, type TextureFormat } from "./kernel.ts";

/**
 * A texture for tensors of up to `rows` rows. Row 0 stays zero.
 *
 * @throws {RangeError} If the adapter has no textures that high.
 */
export function createTensorTexture(device: Device, format: TextureFormat, rows: number): GPUTexture {
  const most = device.gpu.limits.maxTextureDimension2D;
  if (rows + 1 > most) {
    throw new RangeError(
      `Cannot read a tensor of ${rows * TEXTURE_WIDTH * 4} elements through a texture: ${rows + 1} rows exceed the ` +
        `adapter's ${most}; a smaller batch or image size fits`,
    );
  }
  return device.gpu.createTexture({
    size: [TEXTURE_WIDTH, rows + 1],
    format,
    usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
  });
}

/** Bytes of one texture row. */
export function textureRowBytes(format: TextureFormat): number {
  return TEXTURE_WIDTH * (format === "rgba16float" ? 8 : 16);
}

/** Texture rows of a tensor of so many bytes, the row of zeros not counted. */
export function textureRows(bytes: number, format: TextureFormat): number {
  return Math.ceil(bytes / textureRowBytes(format));
}

/**
 * Encodes the copy of a tensor into a texture. The source must hold whole rows: whatever fills the last one is never read.
 *
 * @param encoder Outside of a pass.
 * @param source Where the tensor begins.
 * @param texture Made by {@linkcode createTensorTexture}.
 * @param rows Rows that are copied.
 * @param first The row of the tensor that they begin with.
 */
export function copyToTexture(
  encoder: GPUCommandEncoder,
  source: { buffer: GPUBuffer; offset: number },
  texture: GPUTexture,
  rows: number,
  first = 0,
): void {
  encoder.copyBufferToTexture(
    { ...source, bytesPerRow: textureRowBytes(texture.format as TextureFormat) },
    { texture, origin: [0, 1 + first] },
    [TEXTURE_WIDTH, rows],
  );
}
