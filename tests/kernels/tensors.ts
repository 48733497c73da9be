/**
 * Tensors for tests: made from a seed, padded for a kernel, read back from one.
 *
 * @module
 */

import { AssertionError } from "@std/assert";
import { closeDevice, type Device, openDevice } from "../../kernels/engine/device.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import type { Target } from "../../kernels/operations/shared/tensor.ts";

/** Every way a kernel is made on a device: both profiles, and the storage types and subgroups the device has. */
export function targets({ capabilities: { float16, subgroupLanes } }: Device): Target[] {
  const storages: Storage[] = float16 ? ["f32", "f16"] : ["f32"];
  return storages.flatMap((storage) => [{ profile: "software", storage, subgroupLanes }, { profile: "gpu", storage }]);
}

let device: Promise<Device> | undefined;

/**
 * The one device of a test file, opened when first asked for and closed when the file has run: a driver that is still
 * there when the process ends may crash it (seen once in fifty runs with Mesa).
 */
export function testDevice(): Promise<Device> {
  if (!device) {
    device = openDevice();
    globalThis.addEventListener("unload", () => device?.then(closeDevice));
  }
  return device;
}

/**
 * Numbers spread evenly over [-range, range), the same ones for the same seed, each exact in f16 where `range` is a
 * power of two.
 *
 * @param count How many.
 * @param seed Any integer.
 * @param range Half of the interval.
 * @returns The numbers.
 */
export function randomValues(count: number, seed: number, range = 1): number[] {
  let state = (seed * 2654435761) >>> 0;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (((bits ^ (bits >>> 14)) >>> 21) / 1024 - 1) * range;
  });
}

/** A typed array for storage: `Float32Array` or `Float16Array`. */
export function stored(
  values: ArrayLike<number>,
  storage: Storage,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  return storage === "f16" ? Float16Array.from(values) : Float32Array.from(values);
}

/**
 * Pads the last axis with zeros to a multiple of 4 and stores it.
 *
 * @param values A tensor whose last axis has `channels` elements.
 * @param channels The last axis.
 * @param storage Of the result.
 * @returns What a kernel binds.
 */
export function padChannels(
  values: ArrayLike<number>,
  channels: number,
  storage: Storage,
): Float32Array | Float16Array {
  const padded = Math.ceil(channels / 4) * 4;
  const positions = values.length / channels;
  const result = new Float64Array(positions * padded);
  for (let position = 0; position < positions; position++) {
    for (let channel = 0; channel < channels; channel++) {
      result[position * padded + channel] = values[position * channels + channel];
    }
  }
  return stored(result, storage);
}

/**
 * Takes the padding off again.
 *
 * @param bytes What a kernel wrote.
 * @param channels The last axis without padding.
 * @param storage Of `bytes`.
 * @returns The tensor.
 * @throws {AssertionError} If a padding lane is not zero.
 */
export function unpadChannels(bytes: ArrayBuffer, channels: number, storage: Storage): number[] {
  const values = storage === "f16" ? new Float16Array(bytes) : new Float32Array(bytes);
  const padded = Math.ceil(channels / 4) * 4;
  const result: number[] = [];
  values.forEach((value, index) => {
    const channel = index % padded;
    if (channel < channels) result.push(value);
    else if (value !== 0) {
      throw new AssertionError(`Padding lane ${channel} of position ${(index - channel) / padded} is ${value}, not 0`);
    }
  });
  return result;
}
