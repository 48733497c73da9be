/**
 * Real maps with nothing left out: all logits of an annotator in every cell.
 *
 * @module
 */

import { targetOf } from "../kernels/programs/image_program.ts";
import type { DecodedImage } from "../formats/images/mod.ts";
import { createBuffer, destroyBuffer, type Device } from "../kernels/engine/device.ts";
import { createPlan } from "../kernels/engine/plan.ts";
import { lowerNetwork } from "../kernels/lowering/lower_network.ts";
import { type BenchAnnotator, networkInput } from "./default_annotator.ts";

/** Logits of all classes in all cells. */
export interface DenseMaps {
  readonly count: number;
  readonly grid: readonly [height: number, width: number];
  readonly classes: number;
  /** `[N, H, W, C]`. */
  readonly logits: Float32Array;
}

/**
 * Annotates images and keeps all logits.
 *
 * @param device Where.
 * @param annotator By what.
 * @param size Height and width of its input, pixels.
 * @param images RGB images, resized as a whole.
 * @param head Whether of the cells or of the whole image, which is then one cell.
 * @returns Their maps.
 */
export async function denseMaps(
  device: Device,
  annotator: BenchAnnotator,
  size: number,
  images: readonly DecodedImage[],
  head: "dense" | "pooled" = "dense",
): Promise<DenseMaps> {
  const { network, parameters } = annotator;
  const target = targetOf(device, "f32");
  const program = lowerNetwork(network, parameters, { batch: 1, size: [size, size], head, ...target });
  const { output } = network[head];
  const [, height, width, classes] = program.shapes.get(output)!;
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const [input, result] = [plan.tensor(network.input), plan.tensor(output)];
  const staging = createBuffer(device, result.size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "logits");
  const logits = new Float32Array(images.length * height * width * classes);
  for (const [index, image] of images.entries()) {
    const pixels = networkInput([image], [size, size], annotator);
    device.gpu.queue.writeBuffer(input.buffer, input.offset, padded(pixels));
    const encoder = device.gpu.createCommandEncoder();
    plan.encode(encoder);
    encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, result.size);
    device.gpu.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    logits.set(new Float32Array(staging.getMappedRange()), index * height * width * classes);
    staging.unmap();
  }
  plan.close();
  destroyBuffer(device, staging);
  return { count: images.length, grid: [height, width], classes, logits };
}

/** Three channels as four. */
function padded(pixels: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(pixels.length / 3 * 4);
  for (let at = 0; at < pixels.length; at++) result[Math.floor(at / 3) * 4 + at % 3] = pixels[at];
  return result;
}
