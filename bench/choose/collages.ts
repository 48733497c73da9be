/**
 * Real maps with nothing left out: the default annotator's logits on collages of the photographs.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import { createBuffer, destroyBuffer, type Device } from "../../kernels/device.ts";
import { createPlan } from "../../kernels/plan.ts";
import { lowerNetwork } from "../../kernels/program.ts";
import { generator } from "../../tests/formats/labels/fixture.ts";
import { networkInput, readDefaultAnnotator, readPhotographs } from "../default_annotator.ts";

/** Pixels of a collage: the annotator gives 15 x 15 cells, as the paper's does. */
const SIZE = 475;

/** Logits of all classes in all cells. */
export interface DenseMaps {
  readonly count: number;
  readonly grid: readonly [height: number, width: number];
  readonly classes: number;
  /** `[N, H, W, C]`. */
  readonly logits: Float32Array;
}

/**
 * Annotates collages of four windows of the photographs.
 *
 * @param device Where.
 * @param count How many, from a fixed seed.
 * @returns Their maps.
 */
export async function annotateCollages(device: Device, count: number): Promise<DenseMaps> {
  const annotator = await readDefaultAnnotator();
  const { network, parameters } = annotator;
  const target = { profile: device.capabilities.profile, storage: "f32" } as const;
  const program = lowerNetwork(network, parameters, { batch: 1, size: [SIZE, SIZE], ...target });
  const { output } = network.classifier;
  const [, height, width, classes] = program.shapes.get(output)!;
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const [input, result] = [plan.tensor(network.input), plan.tensor(output)];
  const staging = createBuffer(device, result.size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "logits");
  const photographs = (await readPhotographs()).filter(({ key }) => key.startsWith("single/")).map(({ image }) =>
    image
  );
  const random = generator(1);
  const logits = new Float32Array(count * height * width * classes);
  for (let index = 0; index < count; index++) {
    const pixels = networkInput([collage(photographs, random)], [SIZE, SIZE], annotator);
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
  return { count, grid: [height, width], classes, logits };
}

/** Three channels as four. */
function padded(pixels: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(pixels.length / 3 * 4);
  for (let at = 0; at < pixels.length; at++) result[Math.floor(at / 3) * 4 + at % 3] = pixels[at];
  return result;
}

/** Four windows of photographs, each a square of 70 % to all of the shorter side, shrunk by leaving out pixels. */
function collage(photographs: readonly DecodedImage[], random: () => number): DecodedImage {
  const pixels = new Uint8Array(SIZE * SIZE * 3);
  const half = Math.ceil(SIZE / 2);
  for (let tile = 0; tile < 4; tile++) {
    const { width, height, pixels: source } = photographs[Math.floor(random() * photographs.length)];
    const side = Math.min(width, height) * (0.7 + 0.3 * random());
    const [left, top] = [random() * (width - side), random() * (height - side)];
    for (let row = 0; row < half; row++) {
      const y = Math.floor(tile / 2) * half + row;
      for (let column = 0; column < half; column++) {
        const x = tile % 2 * half + column;
        if (y >= SIZE || x >= SIZE) continue;
        const from =
          (Math.floor(top + (row + 0.5) / half * side) * width + Math.floor(left + (column + 0.5) / half * side)) * 3;
        pixels.set(source.subarray(from, from + 3), (y * SIZE + x) * 3);
      }
    }
  }
  return { width: SIZE, height: SIZE, pixels };
}
