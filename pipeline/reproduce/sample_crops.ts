/**
 * The crops that a student is trained on, and what they show.
 *
 * @module
 */

import { join } from "@std/path";
import { openImages } from "../../formats/images/mod.ts";
import { openLabelMaps } from "../../formats/labels/mod.ts";
import { readBoxes } from "../pictures/boxes.ts";
import { type BoxedImage, measureCrops, type SampledCrops } from "../charts/crops.ts";
import { augmentationOf } from "../training/batch.ts";
import type { TrainingSettings } from "../training/settings.ts";
import type { MiniatureData } from "./study_plan.ts";
import { closing } from "../../formats/base/closing.ts";

/**
 * Draws the crops of a student's first epochs.
 *
 * @param options The student's, with label maps.
 * @param scenes The folder of its training images, as `deno task scenes` lays out a split.
 * @param data What they are.
 * @returns 100 crops of each image.
 * @throws {Error} If a table or map cannot be read.
 */
export async function sampleCrops(
  options: TrainingSettings,
  scenes: string,
  { classes, side }: Pick<MiniatureData, "classes" | "side">,
): Promise<SampledCrops> {
  const { seed, mode, missing, temperature } = options;
  const boxesOf = readBoxes(join(scenes, "boxes.csv"), (name) => classes.indexOf(name));
  const source = await openImages(options.images);
  using maps = closing(await openLabelMaps(options.maps!, { preload: true }));
  async function* images(): AsyncGenerator<BoxedImage> {
    for await (const { key, index } of source.list()) {
      yield {
        index,
        width: side,
        height: side,
        map: await maps.batch([(await maps.indexOf(key))!]),
        boxes: boxesOf.get(key.slice(0, key.lastIndexOf(".")))!,
        label: classes.indexOf(key.split("/")[0]),
      };
    }
  }
  const settings = augmentationOf(options);
  return await measureCrops(images(), { settings, seed, pooling: { mode, missing, temperature } });
}
