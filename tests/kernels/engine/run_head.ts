/**
 * A network's head, computed on a device.
 *
 * @module
 */

import type { Device } from "../../../kernels/engine/device.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import { lowerNetwork } from "../../../kernels/lowering/lower_network.ts";
import type { Network } from "../../../kernels/operations/network.ts";
import { type Shape, type Target, tensorBytes } from "../../../kernels/operations/shared/tensor.ts";
import type { Parameters, Tensor } from "../networks/reference.ts";
import { padChannels, unpadChannels } from "../tensors.ts";

/**
 * Runs a network up to the logits of a head.
 *
 * @param device The device.
 * @param network The network.
 * @param parameters Its parameters.
 * @param input The normalised image, `[N, H, W, 3]`.
 * @param options Which head, profile and storage, and the shape of the logits.
 * @returns The logits, row-major.
 */
export async function runHead(
  device: Device,
  network: Network,
  parameters: Parameters,
  input: Tensor,
  options: { head: "dense" | "pooled"; shape: readonly number[] } & Target,
): Promise<ArrayLike<number>> {
  const { head, storage, shape } = options;
  const [batch, height, width] = input.shape;
  const program = lowerNetwork(network, parameters, { ...options, batch, size: [height, width] });
  const { output } = network[head];
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const { gpu } = device;
  const source = plan.tensor(network.input);
  gpu.queue.writeBuffer(source.buffer, source.offset, padChannels(input.data, 3, storage));
  const bytes = tensorBytes(shape as unknown as Shape, storage);
  const staging = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  plan.encode(encoder);
  const result = plan.tensor(output);
  encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const actual = unpadChannels(staging.getMappedRange().slice(0), shape[3], storage);
  staging.destroy();
  plan.close();
  return actual;
}
