/**
 * Canvases of Fashion-MNIST's garments, or of scikit-learn's digits, as the data of a study.
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
import { digitClasses, readDigits } from "./digits.ts";
import { garmentClasses, readGarments } from "./garments.ts";
import type { PhotographParts, Photographs } from "./photographs.ts";

/** Raised when the same seed gives other canvases. */
const VERSION = 1;

/** Width and height in pixels of what shows one thing. */
const SINGLE_SIDE = 32;

/** The part of the training photographs that each split has for itself, in shares. */
const SHARES: Readonly<Record<Exclude<Split, "test">, readonly [start: number, end: number]>> = {
  extra: [0, 1 / 2],
  train: [1 / 2, 5 / 6],
  validation: [5 / 6, 1],
};

/** What canvases are made of. */
interface CanvasThings {
  /** Names of the classes, in the order of their folders. */
  readonly classes: readonly string[];
  /** What they are called, for notes. */
  readonly plural: string;
  /** Reads the photographs. */
  read(): Promise<PhotographParts>;
}

/**
 * Canvases of two to four garments.
 *
 * @param folder The folder of Fashion-MNIST's idx files, which is read when images are first made.
 * @returns The data.
 */
export function fashionData(folder: string): MiniatureData {
  return canvasData({ classes: garmentClasses, plural: "garments", read: () => readGarments(folder) });
}

/**
 * Canvases of handwritten digits.
 *
 * @param file scikit-learn's table of digits, which is read when images are first made.
 * @returns The data.
 */
export function digitsData(file: string): MiniatureData {
  return canvasData({ classes: digitClasses, plural: "digits", read: () => readDigits(file) });
}

function canvasData({ classes, plural, read }: CanvasThings): MiniatureData {
  let parts: Promise<PhotographParts> | undefined;

  async function write(
    path: string,
    { split, start, images, leastObjects = 1 }: ImageRange,
    { signal, counter }: MiniatureWatch,
    { side, mostObjects }: { readonly side: number; readonly mostObjects?: number },
  ) {
    const { photographs, range } = photographsOf(await (parts ??= read()), split);
    const written = await writeSplit(path, {
      name: "canvases",
      version: VERSION,
      configuration: { seed: 0, split, side, photographs: photographs.classes.length, leastObjects },
      classes,
      side,
      start,
      images,
      imageOf: (index) => canvasOf({ seed: 0, split, index, photographs, range, side, leastObjects, mostObjects }),
    }, { signal, onProgress: counter() });
    signal.throwIfAborted();
    return written;
  }

  return {
    classes,
    side: CANVAS_SIDE,
    labelRule: `a label names one of up to four ${plural}, each as likely`,
    write: (path, range, watch) => write(path, range, watch, { side: CANVAS_SIDE }),
    async writeSingles(path, range, watch) {
      await write(path, range, watch, { side: SINGLE_SIDE, mostObjects: 1 });
    },
  };
}

function photographsOf(
  { train, test }: PhotographParts,
  split: Split,
): { readonly photographs: Photographs; readonly range: readonly [number, number] } {
  if (split === "test") return { photographs: test, range: [0, test.classes.length] };
  const [start, end] = SHARES[split].map((share) => Math.round(share * train.classes.length));
  return { photographs: train, range: [start, end] };
}
