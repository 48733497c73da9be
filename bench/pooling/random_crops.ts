/**
 * Random crops as training takes them.
 *
 * @module
 */

import { generator } from "../../tests/formats/labels/fixture.ts";
import type { Crop } from "../../kernels/operations/label_pooling/mod.ts";

/**
 * Crops by RandomResizedCrop (torchvision): 8 to 100 % of the area, sides in proportion 3 : 4 to 4 : 3, of square images.
 *
 * @param count How many.
 * @param seed Any integer.
 * @returns The crops, of maps 0, 1, ...
 */
export function randomCrops(count: number, seed: number): Crop[] {
  const random = generator(seed);
  const crops: Crop[] = [];
  while (crops.length < count) {
    const area = 0.08 + 0.92 * random();
    const ratio = Math.exp(Math.log(4 / 3) * (2 * random() - 1));
    const [height, width] = [Math.sqrt(area / ratio), Math.sqrt(area * ratio)];
    if (height <= 1 && width <= 1) {
      crops.push({ top: random() * (1 - height), left: random() * (1 - width), height, width });
    }
  }
  return crops;
}
