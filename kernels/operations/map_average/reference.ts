/**
 * The mean of label maps before their best classes are kept, on the CPU in float64.
 *
 * Maps of several networks, of several sizes of the image and of its mirrored picture are first turned back and brought to
 * one grid: bilinearly, each cell having its value at its middle, and what lies beyond the outermost middles theirs (as
 * PyTorch's `interpolate` with `align_corners=False`). Logits are divided by a temperature T and averaged; or their softmax
 * is, whose logarithm the mean's logits then are:
 *
 *     logits:         y = mean of x / T
 *     probabilities:  y = log(mean of softmax(x / T))
 *
 * Of independent classes probabilities are sigmoids, and logits are those of their mean p, log(p / (1 - p)); on a device they
 * end at 16.6, since float32 has nothing between the p of that and 1.
 *
 * A coarser grid has the mean of the cells that each of its own covers, in whole or in part (PyTorch's
 * `AdaptiveAvgPool2d`); of probabilities it is taken before the logarithm.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { activationRule } from "../activation/functions/mod.ts";
import { softmaxReference } from "../softmax/kernels.ts";

/** What is averaged: classes' logits, or their probabilities. */
export type MapAverage = "logits" | "probabilities";

/** The map of one picture of an image. */
export interface PictureMap {
  /** `[h, w, C]`, classes not padded. */
  readonly logits: ArrayLike<number>;
  readonly grid: Pair;
  /** Whether the picture was mirrored left to right. */
  readonly mirrored: boolean;
}

/** What logits of an annotator are of: classes that exclude each other, or independent ones. */
export type LogitKind = "softmax" | "sigmoid";

/** The smallest probability that a logarithm is taken of: the smallest normal float32. */
export const LEAST_PROBABILITY = 2 ** -126;

/** How near to 1 a probability is when its logit is taken: the float32 next to 1 differs by it. */
export const LEAST_DOUBT = 2 ** -24;

/**
 * The grid on which maps are averaged: as high as the highest, as wide as the widest.
 *
 * @param grids Height and width of each.
 * @returns Height and width.
 */
export function commonGrid(grids: readonly Pair[]): Pair {
  return [Math.max(...grids.map(([height]) => height)), Math.max(...grids.map(([, width]) => width))];
}

/** The two cells of an axis that a place of a finer one lies between, and the share of the second. */
function between(place: number, from: number, to: number): { first: number; second: number; share: number } {
  const middle = Math.max(0, (place + 0.5) * from / to - 0.5);
  const first = Math.min(Math.floor(middle), from - 1);
  return { first, second: Math.min(first + 1, from - 1), share: middle - first };
}

/**
 * The mean of maps on the grid that they have in common.
 *
 * @param maps What is averaged.
 * @param options Number of classes, temperature, what the mean is of, and what logits are of; default `softmax`.
 * @returns `[H, W, C]`: logits divided by the temperature, or probabilities.
 */
export function meanMapReference(
  maps: readonly PictureMap[],
  { classes, temperature, average, scores = "softmax" }: {
    classes: number;
    temperature: number;
    average: MapAverage;
    scores?: LogitKind;
  },
): Float64Array {
  const [height, width] = commonGrid(maps.map(({ grid }) => grid));
  const mean = new Float64Array(height * width * classes);
  const probabilities = (logits: Float64Array) =>
    scores === "softmax" ? softmaxReference(logits, classes) : logits.map(activationRule("sigmoid").reference);
  for (const { logits, grid, mirrored } of maps) {
    const scaled = Float64Array.from(logits, (logit) => logit / temperature);
    const values = average === "logits" ? scaled : probabilities(scaled);
    for (let y = 0; y < height; y++) {
      const row = between(y, grid[0], height);
      for (let x = 0; x < width; x++) {
        const column = between(mirrored ? width - 1 - x : x, grid[1], width);
        for (let c = 0; c < classes; c++) {
          const at = (cellY: number, cellX: number) => values[(cellY * grid[1] + cellX) * classes + c];
          const upper = (1 - column.share) * at(row.first, column.first) + column.share * at(row.first, column.second);
          const lower = (1 - column.share) * at(row.second, column.first) +
            column.share * at(row.second, column.second);
          mean[(y * width + x) * classes + c] += ((1 - row.share) * upper + row.share * lower) / maps.length;
        }
      }
    }
  }
  return mean;
}

/**
 * A map on a coarser grid.
 *
 * @param map `[H, W, C]`.
 * @param options Its number of classes, its grid and the coarser one.
 * @returns `[h, w, C]`.
 */
export function coarserMapReference(
  map: ArrayLike<number>,
  { classes, from, to }: { classes: number; from: Pair; to: Pair },
): Float64Array {
  const coarser = new Float64Array(to[0] * to[1] * classes);
  for (let y = 0; y < to[0]; y++) {
    for (let x = 0; x < to[1]; x++) {
      const rows = [Math.floor(y * from[0] / to[0]), Math.ceil((y + 1) * from[0] / to[0])];
      const columns = [Math.floor(x * from[1] / to[1]), Math.ceil((x + 1) * from[1] / to[1])];
      const cells = (rows[1] - rows[0]) * (columns[1] - columns[0]);
      for (let row = rows[0]; row < rows[1]; row++) {
        for (let column = columns[0]; column < columns[1]; column++) {
          for (let c = 0; c < classes; c++) {
            coarser[(y * to[1] + x) * classes + c] += map[(row * from[1] + column) * classes + c] / cells;
          }
        }
      }
    }
  }
  return coarser;
}
