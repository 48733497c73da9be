/**
 * Reads what a step left on the device.
 *
 * @module
 */

import type { Device } from "../../../../kernels/engine/device.ts";
import type { TrainingPlan } from "../../../../kernels/programs/training/training_plan.ts";

/** The floats of a tensor, state or view. */
export async function readFloats({ gpu }: Device, plan: TrainingPlan, name: string): Promise<Float32Array> {
  const { buffer, offset, size } = plan.tensor(name);
  const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const floats = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return floats;
}
