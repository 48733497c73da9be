/**
 * The logits of all classes in all cells, as an annotator has them before it keeps the best: images in, whole maps out.
 *
 * @module
 */

import type { Device } from "../engine/device.ts";
import { channelVectors } from "../operations/shared/tensor.ts";
import type { Pair } from "../operations/shared/window.ts";
import type { AnnotatorSettings } from "./annotator.ts";
import { lowerMaps } from "./averaged_maps.ts";
import { createImageProgram, type ImageProgram, targetOf } from "./image_program.ts";

/** Whole maps on a device. */
export interface DenseMaps extends ImageProgram<Float32Array<ArrayBuffer>> {
  /** Height and width of a map. */
  readonly grid: Pair;
  readonly classes: number;
}

/**
 * Puts an annotator on a device that keeps all classes.
 *
 * @param device The device to run on.
 * @param settings The annotator's.
 * @returns A program that gives the logits of each image, `[H * W, C]`; close it when done.
 * @throws {RangeError} If the size does not fit the network, the grid the maps, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, or the networks have different numbers of classes.
 */
export async function createDenseMaps(
  device: Device,
  settings: Omit<AnnotatorSettings, "k" | "dtype">,
): Promise<DenseMaps> {
  const { batch, others = [], resizeRule, storage: stored = "f32" } = settings;
  const target = targetOf(device, stored);
  const { program, inputs: [input, ...more], cells, storage } = lowerMaps(
    { ...settings, members: [settings, ...others] },
    target,
  );
  const [, height, width, classes] = cells.shape;
  const padded = channelVectors(classes) * 4;
  const positions = height * width;
  const onDevice = await createImageProgram(device, program, target, {
    ...settings,
    input,
    otherImages: others.map((member, index) => ({ ...member, batch, resizeRule, input: more[index] })),
    outputs: [cells.name],
    unpack(read, count) {
      const values = storage === "f16" ? new Float16Array(read) : new Float32Array(read);
      return Array.from({ length: count }, (_, image) => {
        const map = new Float32Array(positions * classes);
        for (let cell = 0; cell < positions; cell++) {
          const start = (image * positions + cell) * padded;
          map.set(values.subarray(start, start + classes), cell * classes);
        }
        return map;
      });
    },
  });
  return { ...onDevice, grid: [height, width], classes };
}
