/**
 * A box in pixels, as data sets publish it.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";

/** A box of an object. */
export interface PixelBox {
  /** The class, as the data set names it. */
  readonly class: string;
  /** Edges, pixels from the image's upper left corner. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The boxes of an image. */
export interface ImageBoxes {
  /** The image's path or name without an extension. */
  readonly key: string;
  /** Size of the image that the boxes are in; absent where that is not said. */
  readonly size?: { readonly width: number; readonly height: number };
  readonly boxes: readonly PixelBox[];
}

/**
 * Checks the edges of a box.
 *
 * @param values Left, top, right and bottom: numbers, or texts of numbers.
 * @param subject What messages begin with.
 * @returns The edges.
 * @throws {RangeError} If one is no number, or the box has no area.
 */
export function coordinatesOf(
  values: readonly (number | string | undefined)[],
  subject: string,
): Omit<PixelBox, "class"> {
  const edges = values.map(edgeOf);
  const [left, top, right, bottom] = edges;
  if (edges.length === 4 && edges.every(Number.isFinite) && right > left && bottom > top) {
    return { left, top, right, bottom };
  }
  const found = values.map((value, index) =>
    Number.isFinite(edges[index]) ? edges[index] : showValue(value, "nothing")
  );
  throw new RangeError(`${subject} has the box ${found.join(", ")}, expected left, top, right and bottom in pixels`);
}

/** A number as a file has it; NaN for what is none. */
function edgeOf(value: number | string | undefined): number {
  return typeof value === "number" ? value : value?.trim() ? Number(value) : NaN;
}
