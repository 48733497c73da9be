/**
 * Runs the program of augmentation once, every tensor full of NaN but for what the packer writes.
 *
 * @module
 */

import { atOnce } from "../../../../formats/base/event_loop.ts";
import {
  type AugmentationOptions,
  createAugmentationPacker,
  lowerAugmentation,
} from "../../../../kernels/programs/augmentation.ts";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Augmentation, Mix } from "../../../../kernels/operations/augmentation/mod.ts";
import type { Pixels } from "../../../../formats/base/pixels.ts";
import { type BindingValue, runKernel } from "../../../../kernels/engine/run.ts";
import { randomValues, unpadChannels } from "../../tensors.ts";

/** Images of random pixels in blocks, of odd sizes. */
export function randomImages(sizes: readonly (readonly [width: number, height: number])[], seed = 1): Pixels[] {
  return sizes.map(([width, height], index) => {
    const blocks = randomValues(12 * 12 * 3, seed + index, 128);
    const noise = randomValues(width * height * 3, seed + 50 + index, 32);
    const pixels = Uint8ClampedArray.from(noise, (value, place) => {
      const [x, y] = [Math.floor(place / 3) % width, Math.floor(place / 3 / width)];
      const block = (Math.floor(y * 12 / height) * 12 + Math.floor(x * 12 / width)) * 3 + place % 3;
      return blocks[block] + 128 + value;
    });
    return { width, height, pixels: new Uint8Array(pixels.buffer) };
  });
}

/**
 * Augments a batch on a device.
 *
 * @param device Where.
 * @param options What is augmented.
 * @param images Images, no more than the batch.
 * @param samples What happens to each.
 * @param mix How the batch is mixed.
 * @returns `[N, H, W, 3]`.
 */
export async function augmentOnDevice(
  device: Device,
  options: AugmentationOptions,
  images: readonly Pixels[],
  samples: readonly Augmentation[],
  mix?: Mix,
): Promise<number[]> {
  const { steps, tensors, constants, inputs } = lowerAugmentation({ ...options, output: "input" });
  const packed = atOnce(createAugmentationPacker(options)(images, samples, mix));
  const content = new Map<string, Uint8Array>();
  for (const [name, make] of constants) content.set(name, new Uint8Array(make().buffer));
  for (const name of inputs) {
    // What the packer leaves unwritten holds what a step before left there.
    const bytes = new Uint8Array(tensors.get(name)!).fill(0x7f);
    bytes.set(packed.get(name)!);
    content.set(name, bytes);
  }
  for (const { kernel, bindings } of steps) {
    const values = Object.fromEntries(kernel.bindings.map(({ name }): [string, BindingValue] => {
      const [tensor, known] = [bindings[name], content.get(bindings[name])];
      return [name, known ? { update: known } : { bytes: tensors.get(tensor)! }];
    }));
    const written = await runKernel(device, kernel, values);
    for (const [name, bytes] of Object.entries(written)) content.set(bindings[name], new Uint8Array(bytes));
  }
  return unpadChannels(new Uint8Array(content.get("input")!).buffer, 3, options.storage);
}
