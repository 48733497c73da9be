/**
 * A box in pixels, as data sets publish it.
 *
 * @module
 */

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
 * @param values Left, top, right and bottom.
 * @param subject What messages begin with.
 * @returns The edges.
 * @throws {RangeError} If one is no number, or the box has no area.
 */
export function coordinatesOf(values: readonly number[], subject: string): Omit<PixelBox, "class"> {
  const [left, top, right, bottom] = values;
  if (values.length === 4 && values.every(Number.isFinite) && right > left && bottom > top) {
    return { left, top, right, bottom };
  }
  throw new RangeError(`${subject} has the box ${values.join(", ")}, expected left, top, right and bottom in pixels`);
}
