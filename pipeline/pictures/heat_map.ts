/**
 * Heat maps: where in an image a class is, cell by cell. Pure functions, so that a page can draw them too.
 *
 * A cell's value is the probability of the class there, as LabelPooling has it: of classes that exclude each other softmax,
 * where the k logits that the map keeps of the cell are what it has and every other class counts as logit 0; of independent
 * ones the sigmoid of its logit, which is the floor's where the cell lacks it; or the score itself where it is a probability.
 *
 * @module
 */

import { scoreTable } from "../../formats/base/scores.ts";
import type { LabelMapBatch, LabelMapFormat } from "../../formats/base/label_map.ts";

/**
 * The scale of colours, RGB from 0 to 1 in equal steps: viridis (Smith and van der Walt, matplotlib, CC0), which is
 * perceptually even and differs in lightness alone for the colour-blind too.
 */
const SCALE = [
  [68, 1, 84],
  [72, 35, 116],
  [64, 67, 135],
  [52, 94, 141],
  [41, 120, 142],
  [32, 144, 140],
  [34, 167, 132],
  [68, 190, 112],
  [121, 209, 81],
  [189, 222, 38],
  [253, 231, 37],
] as const;

/** Opacity of the value 1: the image is still seen below. */
const MOST_OPAQUE = 0.85;

/**
 * The heat map of one class.
 *
 * @param map One label map.
 * @param classIndex The class.
 * @returns `[H * W]`: its probability in each cell, 0 to 1.
 * @throws {RangeError} If there is no such class, or not one map.
 */
export function classHeat(map: LabelMapBatch, classIndex: number): Float64Array {
  const { count, k, grid: [height, width], classes } = map;
  if (count !== 1) throw new RangeError(`Cannot make a heat map: there are ${count} label maps, expected 1`);
  if (!(Number.isInteger(classIndex) && classIndex >= 0 && classIndex < classes)) {
    throw new RangeError(`Cannot make a heat map of class ${classIndex}: it is not among the ${classes} classes`);
  }
  const cells = height * width;
  const table = scoreTable(map.dtype);
  const heat = new Float64Array(cells);
  const scores = new Float64Array(k);
  for (let cell = 0; cell < cells; cell++) {
    let kept: number | undefined;
    for (let rank = 0; rank < k; rank++) {
      const stored = map.score[rank * cells + cell];
      scores[rank] = table ? table[stored] : stored;
      if (map.class[rank * cells + cell] === classIndex) kept = scores[rank];
    }
    heat[cell] = probabilityIn(scores, kept, map);
  }
  return heat;
}

/** The probability of a class in a cell, by the scores that the cell keeps, and by its own if it is among them. */
function probabilityIn(
  scores: Float64Array,
  kept: number | undefined,
  { classes, k, scores: kind = "softmax", floor = Infinity }: LabelMapFormat,
): number {
  if (kind === "presence") return kept ?? 0;
  if (kind === "sigmoid") return 1 / (1 + Math.exp(-(kept ?? Math.min(floor, ...scores))));
  const largest = scores.reduce((a, b) => Math.max(a, b), 0);
  const sum = scores.reduce((sum, score) => sum + Math.exp(score - largest), (classes - k) * Math.exp(-largest));
  return Math.exp((kept ?? 0) - largest) / sum;
}

/**
 * A heat map as a picture with one pixel per cell, to be drawn over the image, enlarged without smoothing.
 *
 * @param heat Values from 0 to 1.
 * @returns RGBA `[cells, 4]`, not premultiplied: the colour of the value, and more opaque the larger it is.
 */
export function heatPixels(heat: ArrayLike<number>): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(heat.length * 4);
  for (let cell = 0; cell < heat.length; cell++) {
    pixels.set([...heatColour(heat[cell]), 255 * MOST_OPAQUE * heat[cell]], cell * 4);
  }
  return pixels;
}

/**
 * The colour of a value, for a legend.
 *
 * @param value 0 to 1.
 * @returns Red, green and blue, 0 to 255.
 */
export function heatColour(value: number): [red: number, green: number, blue: number] {
  const place = value * (SCALE.length - 1);
  const step = Math.min(Math.floor(place), SCALE.length - 2);
  const [low, high] = [SCALE[step], SCALE[step + 1]];
  const mix = (channel: 0 | 1 | 2) => Math.round(low[channel] + (place - step) * (high[channel] - low[channel]));
  return [mix(0), mix(1), mix(2)];
}
