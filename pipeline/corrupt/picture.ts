/**
 * Pictures between bytes and bytes.
 *
 * @module
 */

import type { Pixels } from "../../formats/base/pixels.ts";

/** A picture whose samples need not be whole. */
export interface Picture {
  /** Width, pixels. */
  readonly width: number;
  /** Height, pixels. */
  readonly height: number;
  /** Samples of a pixel: 3 for RGB, 1 for a layer that is added to it. */
  readonly channels: number;
  /** `[H, W, channels]`, 0 to 255. */
  readonly values: Float32Array;
}

/** A picture of an image. */
export function pictureOf({ width, height, pixels }: Pixels): Picture {
  return { width, height, channels: 3, values: Float32Array.from(pixels) };
}

/**
 * A picture as bytes: cut off at 0 and 255, then rounded down, as the published corruptions are by `numpy.uint8`.
 *
 * @param picture An RGB picture.
 * @returns The image.
 */
export function pixelsOf({ width, height, values }: Picture): Pixels {
  return { width, height, pixels: Uint8Array.from(values, (value) => Math.min(Math.max(value, 0), 255)) };
}

/**
 * A picture with other samples.
 *
 * @param picture The picture.
 * @param sample Gives a sample of the sample and its place in `values`.
 * @returns The other picture.
 */
export function mapSamples(picture: Picture, sample: (value: number, index: number) => number): Picture {
  return { ...picture, values: picture.values.map(sample) };
}

/** Places of samples along an axis that are beyond its ends: of the last one, or mirrored with it or about it. */
export type Edge = "nearest" | "reflect" | "reflect-101";

/**
 * The place that stands for one beyond the ends of an axis.
 *
 * @param place Any integer.
 * @param length Places of the axis, 1 or more.
 * @param edge `nearest` repeats the last one, `reflect` is `c b a | a b c | c b a`, `reflect-101` is `c b | a b c | b a`.
 * @returns From 0 to below `length`.
 */
export function placeWithin(place: number, length: number, edge: Edge): number {
  if (place >= 0 && place < length) return place;
  if (edge === "nearest" || length === 1) return Math.min(Math.max(place, 0), length - 1);
  const period = edge === "reflect" ? 2 * length : 2 * length - 2;
  const within = ((place % period) + period) % period;
  return within < length ? within : (edge === "reflect" ? period - 1 : period) - within;
}
