/**
 * Crops of an image, and where in its label map they are sampled.
 *
 * A map of H x W cells covers the whole image. Cell (i, j) stands for its middle, so a place at the fraction y of the
 * image's height is at y H - 0.5 on the axis of cells. A crop becomes a box on that plane, and the box is divided into
 * the bins of the target, one unless `outputSize` says otherwise; a bin is sampled at ceil(its height) x ceil(its width)
 * places, evenly. That is RoIAlign (He et al., "Mask R-CNN", section 3) as torchvision's `roi_align` does it with
 * `sampling_ratio = -1` and `aligned = False`, a box being at least one cell high and wide; it is what the published code
 * of "Re-labeling ImageNet" calls, with its axes put right.
 *
 * An augmented picture is not always an upright cut. A {@linkcode Warp} says where in the crop each of its places comes
 * from; the bins are then those of the augmented picture. Scores move, class indices are never mixed. Where a place of the
 * picture comes from outside of the crop, or of a picture between both, it is empty, and is not sampled: what is pooled is
 * what the picture shows.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { MapLayout } from "../../../formats/base/label_map.ts";

/** A part of an image, in fractions of its height and width. */
export interface Crop {
  /** Upper edge, 0 to 1. */
  readonly top: number;
  /** Left edge, 0 to 1. */
  readonly left: number;
  /** Height, from 0 to 1 - top; 0 counts as the height of one cell. */
  readonly height: number;
  /** Width, from 0 to 1 - left; 0 counts as the width of one cell. */
  readonly width: number;
  /** Index of its map among those given; default its own position in the list of crops. */
  readonly map?: number;
  /** What was done to the picture after it was cut out. */
  readonly warp?: Warp;
  /**
   * For a picture that was changed in several steps: warps from the augmented picture to what each step was done to. A
   * place that lay outside of one of these is empty. Default: the warp alone.
   */
  readonly frames?: readonly Warp[];
}

/**
 * An affine map from the augmented picture to the crop it was made of, both in fractions of their own width (x, to the
 * right) and height (y, down): x' = a x + b y + c, y' = d x + e y + f.
 */
export type Warp = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** A picture and its mirror image, left and right exchanged. */
export const HORIZONTAL_FLIP: Warp = [-1, 0, 1, 0, 1, 0];

/** A picture upside down, mirrored. */
export const VERTICAL_FLIP: Warp = [1, 0, 0, 0, -1, 1];

/** A picture turned counterclockwise by 90 degrees; its width and height change places. */
export const QUARTER_TURN: Warp = [0, -1, 1, 1, 0, 0];

/**
 * The warp of a picture that is turned counterclockwise about its middle, within a frame of its own size.
 *
 * @param degrees The angle in degrees.
 * @param aspect Width of the crop divided by its height, both in pixels.
 * @returns The warp.
 */
export function rotation(degrees: number, aspect = 1): Warp {
  const angle = degrees * Math.PI / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [b, d] = [-sin / aspect, sin * aspect];
  return [cos, b, 0.5 - (cos + b) / 2, d, cos, 0.5 - (d + cos) / 2];
}

/**
 * Joins two warps that follow each other.
 *
 * @param first The warp of the crop.
 * @param second The warp of the picture that results.
 * @returns One warp that does both.
 */
export function composeWarps(first: Warp, second: Warp): Warp {
  const [a, b, c, d, e, f] = first;
  const [p, q, r, s, t, u] = second;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** Where the bins of a target lie on the plane of a map: a parallelogram, and how densely each bin is sampled. */
export interface SamplingRegion {
  readonly map: number;
  /** The corner at the top left of the augmented picture, cells along the map's first and second axis. */
  readonly origin: Pair;
  /** From there down to the bottom left corner. */
  readonly down: Pair;
  /** From there to the top right corner. */
  readonly right: Pair;
  /** Samples of a bin from top to bottom, and from left to right. */
  readonly samples: Pair;
  /** Only places of the augmented picture are sampled that each of these takes into the unit square. */
  readonly frames: readonly Warp[];
}

/** Fractions are often computed in float32; an edge may lie this far outside. */
export const ROUNDING = 1e-6;

/**
 * Whether a place of the augmented picture shows something.
 *
 * @param frames The region's frames.
 * @param x The place, in fractions of the picture's width,
 * @param y and of its height.
 * @returns False if a frame takes it out of the unit square.
 */
export function isShown(frames: readonly Warp[], x: number, y: number): boolean {
  const inside = (value: number) => value >= -ROUNDING && value <= 1 + ROUNDING;
  return frames.every(([a, b, c, d, e, f]) => inside(a * x + b * y + c) && inside(d * x + e * y + f));
}

const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]] as const;

/**
 * Where a crop is sampled.
 *
 * @param crop The crop.
 * @param options `index` of the crop in its list; `grid` the map's last two axes as stored, and their `layout`;
 * `outputSize` `[height, width]` of the target in bins.
 * @returns The region.
 * @throws {RangeError} If the crop is not a part of the image, or a number is not finite.
 */
export function samplingRegion(
  crop: Crop,
  options: { index: number; grid: Pair; layout: MapLayout; outputSize: Pair },
): SamplingRegion {
  const { index, grid, layout, outputSize } = options;
  const { top, left, height, width, map = index, warp = [1, 0, 0, 0, 1, 0], frames = [warp] } = crop;
  const inside = [[top, height], [left, width]].every(([start, length]) =>
    start >= -ROUNDING && length >= 0 && start + length <= 1 + ROUNDING
  );
  if (!inside) {
    throw new RangeError(
      `Cannot pool crop ${index}: top ${top}, left ${left}, height ${height}, width ${width} is not a part of the image`,
    );
  }
  for (const one of [warp, ...frames]) {
    if (one.every(Number.isFinite)) continue;
    throw new RangeError(`Cannot pool crop ${index}: its warp is [${one.join(", ")}], expected six finite numbers`);
  }
  const [rows, columns] = layout === "hw" ? grid : [grid[1], grid[0]];
  // Rounded to float32: 0.2 of 15 cells are 3 samples, not the 4 that 3.0000000000000004 would be.
  const boxHeight = Math.max(Math.fround(height * rows), 1);
  const boxWidth = Math.max(Math.fround(width * columns), 1);
  const [a, b, c, d, e, f] = warp;
  const place = (y: number, x: number): Pair => layout === "hw" ? [y, x] : [x, y];
  const down = place(e * boxHeight, b * boxWidth);
  const right = place(d * boxHeight, a * boxWidth);
  const count = ([y, x]: Pair, bins: number) => Math.max(1, Math.ceil(Math.fround(Math.hypot(y, x) / bins)));
  return {
    map,
    origin: place(top * rows - 0.5 + f * boxHeight, left * columns - 0.5 + c * boxWidth),
    down,
    right,
    samples: [count(down, outputSize[0]), count(right, outputSize[1])],
    frames: frames.filter((frame) => !CORNERS.every(([x, y]) => isShown([frame], x, y))),
  };
}
