/**
 * The adapter's clock.
 *
 * @module
 */

import { type Device, ownBuffer, readBuffer } from "./device.ts";

/**
 * Runs what is encoded and reads the times that its passes wrote.
 *
 * @param device With the feature `timestamp-query`.
 * @param count Times in the query set.
 * @param encode Encodes passes that write to all of them.
 * @returns Nanoseconds by index.
 */
export async function readTimestamps(
  device: Device,
  count: number,
  encode: (encoder: GPUCommandEncoder, querySet: GPUQuerySet) => void,
): Promise<BigUint64Array> {
  const { gpu } = device;
  using made = new DisposableStack();
  const own = (usage: number) => ownBuffer(made, device, count * 8, usage, "timestamps");
  const times = own(GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  const staging = own(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const querySet = made.adopt(gpu.createQuerySet({ type: "timestamp", count }), (set) => set.destroy());
  const encoder = gpu.createCommandEncoder();
  encode(encoder, querySet);
  encoder.resolveQuerySet(querySet, 0, count, times, 0);
  encoder.copyBufferToBuffer(times, 0, staging, 0, count * 8);
  gpu.queue.submit([encoder.finish()]);
  return new BigUint64Array(await readBuffer(staging));
}
