/**
 * Canvases of Fashion-MNIST's garments as the data of a study.
 *
 * No photograph is in two splits: of the data set's training part the annotator learns the first half, students are trained
 * on the next third and temperatures chosen on the rest; tests are on its test part.
 *
 * @module
 */

import type { Split } from "../../scenes/scene_numbers.ts";
import { writeSplit } from "../../scenes/split_folder.ts";
import type { ImageRange, MiniatureData } from "../study_plan.ts";
import type { MiniatureWatch } from "../watch.ts";
import { CANVAS_SIDE, canvasOf } from "./canvas.ts";
import { garmentClasses, type GarmentFiles, type Garments, readGarments } from "./garments.ts";

/** Raised when the same seed gives other canvases. */
const VERSION = 1;

/** Width and height in pixels of what shows one garment. */
const SINGLE_SIDE = 32;

/** The part of the training photographs that each split has for itself, in shares. */
const SHARES: Readonly<Record<Exclude<Split, "test">, readonly [start: number, end: number]>> = {
  extra: [0, 1 / 2],
  train: [1 / 2, 5 / 6],
  validation: [5 / 6, 1],
};

/**
 * Canvases of two to four garments.
 *
 * @param folder The folder of Fashion-MNIST's idx files, which is read when images are first made.
 * @returns The data.
 */
export function fashionData(folder: string): MiniatureData {
  let files: Promise<GarmentFiles> | undefined;

  async function write(
    path: string,
    { split, start, images, leastObjects = 1 }: ImageRange,
    { signal, counter }: MiniatureWatch,
    { side, mostObjects }: { readonly side: number; readonly mostObjects?: number },
  ) {
    const { garments, range } = photographsOf(await (files ??= readGarments(folder)), split);
    const written = await writeSplit(path, {
      name: "canvases",
      version: VERSION,
      configuration: { seed: 0, split, side, photographs: garments.classes.length, leastObjects },
      classes: garmentClasses,
      side,
      start,
      images,
      imageOf: (index) => canvasOf({ seed: 0, split, index, garments, range, side, leastObjects, mostObjects }),
    }, { signal, onProgress: counter() });
    signal.throwIfAborted();
    return written;
  }

  return {
    classes: garmentClasses,
    side: CANVAS_SIDE,
    labelRule: "a label names one of up to four garments, each as likely",
    write: (path, range, watch) => write(path, range, watch, { side: CANVAS_SIDE }),
    async writeSingles(path, range, watch) {
      await write(path, range, watch, { side: SINGLE_SIDE, mostObjects: 1 });
    },
  };
}

function photographsOf(
  { train, test }: GarmentFiles,
  split: Split,
): { readonly garments: Garments; readonly range: readonly [number, number] } {
  if (split === "test") return { garments: test, range: [0, test.classes.length] };
  const [start, end] = SHARES[split].map((share) => Math.round(share * train.classes.length));
  return { garments: train, range: [start, end] };
}
