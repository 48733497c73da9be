/**
 * What a device knows of the kernels that run on it: which of several that give the same bits.
 *
 * @module
 */

/** Names of the chosen kernels by what tells their layers from others (`layerKey`). */
export type Choices = Map<string, string>;

/** How kernels are chosen. */
export interface Tuning {
  /** What is chosen; plans add what they measure. */
  readonly choices: Choices;
  /** Milliseconds that may still be spent on measuring. */
  budget: number;
  /** Told of each layer that was measured. */
  readonly onMeasured?: (layer: MeasuredLayer) => void;
  /** Gives the milliseconds of each of some kernels, within a number of milliseconds for all; default: on the device. */
  readonly time?: (kernels: readonly { readonly name: string }[], budget: number) => Promise<number[]>;
}

/** A layer whose kernels were measured. */
export interface MeasuredLayer {
  /** Name of the kernel that the shape chooses. */
  readonly first: string;
  /** Name of the one that is chosen now. */
  readonly chosen: string;
  /** Milliseconds of the first. */
  readonly before: number;
  /** Milliseconds of the chosen one. */
  readonly after: number;
}
