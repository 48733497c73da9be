/**
 * Grey photographs of one thing each, from which canvases are made.
 *
 * @module
 */

/** Photographs of one part of a data set. */
export interface Photographs {
  /** `[N, side, side]`, 0 for the background. */
  readonly values: Uint8Array;
  /** Index in the names of each one's class. */
  readonly classes: Uint8Array;
  /** Width and height of a photograph in pixels. */
  readonly side: number;
  /** Names of the classes, in the order of their folders. */
  readonly names: readonly string[];
}

/** All photographs of a data set; no test photograph is among those of training. */
export interface PhotographParts {
  readonly train: Photographs;
  readonly test: Photographs;
}
