/**
 * Polygons as masks, each pixel as COCO's own tools have it.
 *
 * The rule is that of `rleFrPoly` in COCO's `maskApi.c`, from its description and its results: coordinates are rounded to a
 * grid five times as fine as the pixels; each edge is walked along its longer axis, one step of that grid at a time, with the
 * other coordinate rounded; and where the walk goes from one column of the fine grid to the next in the middle of a column of
 * pixels, it crosses from outside to inside or back, at the pixel whose middle is next below. So a pixel is in the mask if an
 * odd number of crossings is above it.
 *
 * @module
 */

import type { Size } from "./mask_runs.ts";
import { numberOf } from "../base/number_of.ts";

/** Steps of the fine grid per pixel. */
const SCALE = 5;

/**
 * The mask of a polygon.
 *
 * @param points Coordinates x, y, x, y, ... in pixels, from the image's upper left corner.
 * @param image Size of the image.
 * @returns The runs of its pixels.
 * @throws {TypeError} If that is no list of three points at least.
 * @throws {RangeError} If a point is farther outside than the image is large.
 */
export function polygonRuns(points: readonly unknown[], image: Size): number[] {
  checkPoints(points, image);
  const { height, width } = image;
  const crossings: number[] = [];
  const count = points.length / 2;
  const fine = points.map((value) => Math.trunc(SCALE * value + 0.5));
  let last: { u: number; v: number } | undefined;
  for (let point = 0; point < count; point++) {
    const next = (point + 1) % count;
    walk(fine[2 * point], fine[2 * point + 1], fine[2 * next], fine[2 * next + 1], (u, v) => {
      if (last && u !== last.u) cross(last, { u, v });
      last = { u, v };
    });
  }
  crossings.sort((a, b) => a - b);
  if (crossings.length % 2 === 1) crossings.push(height * width);
  const runs: number[] = [];
  for (let place = 0; place < crossings.length; place += 2) {
    if (crossings[place] < crossings[place + 1]) runs.push(crossings[place], crossings[place + 1]);
  }
  return runs;

  /** Notes where the walk crosses the middle of a column of pixels. */
  function cross(before: { u: number; v: number }, { u, v }: { u: number; v: number }): void {
    const column = ((u < before.u ? u : u - 1) + 0.5) / SCALE - 0.5;
    if (!Number.isInteger(column) || column < 0 || column > width - 1) return;
    const row = Math.min(Math.max((Math.min(v, before.v) + 0.5) / SCALE - 0.5, 0), height);
    crossings.push(column * height + Math.ceil(row));
  }
}

/** Goes from one point of the fine grid to another, both included, a step at a time along the longer axis. */
function walk(x: number, y: number, endX: number, endY: number, step: (u: number, v: number) => void): void {
  const [across, down] = [Math.abs(endX - x), Math.abs(endY - y)];
  // Roundings are those of the way from left to right, or from top to bottom, whichever way is gone.
  const isFlat = across >= down;
  const isTurned = isFlat ? x > endX : y > endY;
  const [fromX, fromY, toX, toY] = isTurned ? [endX, endY, x, y] : [x, y, endX, endY];
  const length = isFlat ? across : down;
  const slope = length === 0 ? 0 : (isFlat ? toY - fromY : toX - fromX) / length;
  for (let place = 0; place <= length; place++) {
    const at = isTurned ? length - place : place;
    if (isFlat) step(fromX + at, Math.trunc(fromY + slope * at + 0.5));
    else step(Math.trunc(fromX + slope * at + 0.5), fromY + at);
  }
}

function checkPoints(points: readonly unknown[], { height, width }: Size): asserts points is readonly number[] {
  if (points.length < 6 || points.length % 2 === 1) {
    throw new TypeError(`a polygon has ${numberOf(points.length, "number")}, expected x and y of three points or more`);
  }
  points.forEach((value, place) => {
    const [axis, side] = place % 2 === 0 ? ["x", width] : ["y", height];
    if (typeof value !== "number") {
      throw new TypeError(
        `a polygon has ${JSON.stringify(value)} as ${axis} of point ${place >> 1}, expected a number`,
      );
    }
    if (value >= -side && value <= 2 * side) return;
    throw new RangeError(`a polygon has ${axis} ${value} in an image of ${width} x ${height}`);
  });
}
