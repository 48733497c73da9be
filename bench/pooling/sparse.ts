/**
 * A step of LabelPooling on a device, from maps and crops in memory to targets on the device.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "../../kernels/engine/device.ts";
import { createLabelPooler } from "../../kernels/programs/label_pooler.ts";
import type { Crop } from "../../kernels/operations/label_pooling/mod.ts";
import { REGION_WORDS } from "../../kernels/operations/label_pooling/kernels.ts";
import type { Runner } from "../timing.ts";
import type { LabelMapBatch } from "../../formats/base/label_map.ts";

/** A step, to be timed. */
export interface PoolingStep extends Runner {
  /** To the device. */
  readonly bytes: number;
  /** The targets, for checks. */
  targets(): Promise<Float32Array>;
  close(): void;
}

/**
 * Sets a step up.
 *
 * @param device Where.
 * @param maps What is uploaded in each step.
 * @param crops Of these maps.
 * @returns The step; close it.
 */
export async function createPoolingStep(
  device: Device,
  maps: LabelMapBatch,
  crops: readonly Crop[],
): Promise<PoolingStep> {
  const pooler = await createLabelPooler(device, { ...maps, maps: maps.count, crops: crops.length });
  const last = createBuffer(device, 16, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "a target for the CPU");
  return {
    name: `sparse, ${maps.dtype}`,
    bytes: maps.class.byteLength + maps.score.byteLength + crops.length * REGION_WORDS * 4,
    targets() {
      pooler.load(maps);
      return pooler.pool(crops);
    },
    async run(repetitions) {
      for (let repetition = 0; repetition < repetitions; repetition++) {
        pooler.load(maps);
        const encoder = device.gpu.createCommandEncoder();
        pooler.encode(encoder, crops);
        encoder.copyBufferToBuffer(pooler.targets.buffer, pooler.targets.offset, last, 0, 16);
        device.gpu.queue.submit([encoder.finish()]);
      }
      await last.mapAsync(GPUMapMode.READ);
      last.unmap();
    },
    close() {
      pooler.close();
      destroyBuffer(device, last);
    },
  };
}
