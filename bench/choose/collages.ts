/**
 * Real maps with nothing left out: the default annotator's logits on collages of the photographs.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { generator } from "../../tests/formats/labels/fixture.ts";
import { readAnnotator, readPhotographs } from "../default_annotator.ts";
import { type DenseMaps, denseMaps } from "../dense_maps.ts";

/** Pixels of a collage: the annotator gives 15 x 15 cells, as the paper's does. */
const SIZE = 475;

/**
 * Annotates collages of four windows of the photographs.
 *
 * @param device Where.
 * @param count How many, from a fixed seed.
 * @returns Their maps.
 */
export async function annotateCollages(device: Device, count: number): Promise<DenseMaps> {
  const photographs = (await readPhotographs()).filter(({ key }) => key.startsWith("single/")).map(({ image }) =>
    image
  );
  const random = generator(1);
  const collages = Array.from({ length: count }, () => collage(photographs, random));
  return await denseMaps(device, await readAnnotator(), SIZE, collages);
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
