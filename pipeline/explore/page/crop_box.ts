/**
 * The crop box as numbers: how it moves and changes its size.
 *
 * Edges are whole thousandths of the image, so that the numbers shown are the crop that is pooled.
 *
 * @module
 */

import type { Crop } from "../../../kernels/operations/label_pooling/crop.ts";

/** An upright part of an image, in fractions of its height and width. */
export type Box = Pick<Crop, "top" | "left" | "height" | "width">;

/** What of a box is held: -1 its left or upper edge, 1 its right or lower one, 0 neither. Both 0: all of it. */
export interface Grip {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

/** The least height and width. */
const LEAST = 0.02;

/**
 * A box after what is held of it was moved; it stays within the image.
 *
 * @param box The box before.
 * @param grip What is held.
 * @param by How far, in fractions of the image, to the right and down.
 * @returns The box after.
 */
export function dragBox(box: Box, grip: Grip, by: { readonly x: number; readonly y: number }): Box {
  const [left, width] = dragSpan(box.left, box.width, grip, grip.x, by.x);
  const [top, height] = dragSpan(box.top, box.height, grip, grip.y, by.y);
  return { top, left, height, width };
}

/** Drags a box along one axis. */
function dragSpan(start: number, length: number, grip: Grip, edge: Grip["x"], by: number): [number, number] {
  const end = start + length;
  if (grip.x === 0 && grip.y === 0) return [rounded(clamp(start + by, 0, 1 - length)), length];
  if (edge === -1) {
    const moved = rounded(clamp(start + by, 0, end - LEAST));
    return [moved, rounded(end - moved)];
  }
  if (edge === 1) return [start, rounded(clamp(end + by, start + LEAST, 1) - start)];
  return [start, length];
}

/**
 * The box between two places.
 *
 * @param from One corner, in fractions of the image.
 * @param to The other.
 * @returns The box.
 */
export function boxBetween(
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number },
): Box {
  const span = (a: number, b: number): [number, number] => {
    const start = rounded(clamp(Math.min(a, b), 0, 1 - LEAST));
    const end = rounded(clamp(Math.max(a, b), start + LEAST, 1));
    return [start, rounded(end - start)];
  };
  const [left, width] = span(from.x, to.x);
  const [top, height] = span(from.y, to.y);
  return { top, left, height, width };
}

/**
 * A crop as training draws them (RandomResizedCrop): 8 to 100 % of the area, 3:4 to 4:3.
 *
 * @param aspect Width of the image divided by its height, both in pixels.
 * @param random Numbers from 0 to 1, below 1.
 * @returns The box.
 */
export function randomBox(aspect: number, random: () => number): Box {
  const area = 0.08 + 0.92 * random();
  const ratio = Math.exp(Math.log(3 / 4) + random() * 2 * Math.log(4 / 3)) / aspect;
  const width = rounded(clamp(Math.sqrt(area * ratio), LEAST, 1));
  const height = rounded(clamp(Math.sqrt(area / ratio), LEAST, 1));
  return { top: rounded(random() * (1 - height)), left: rounded(random() * (1 - width)), height, width };
}

/**
 * Reads a box that was written as numbers.
 *
 * @param text Fractions of the image, `top,left,height,width`.
 * @returns The box, null if it is none.
 */
export function boxFrom(text: string | null): Box | null {
  const numbers = (text ?? "").split(",").map(Number);
  if (text === null || numbers.length !== 4) return null;
  const [top, left, height, width] = numbers.map(rounded);
  const inside = [[top, height], [left, width]].every(([start, length]) =>
    start >= 0 && length >= LEAST && start + length <= 1 + 1e-9
  );
  return inside ? { top, left, height, width } : null;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), Math.max(least, most));
}
