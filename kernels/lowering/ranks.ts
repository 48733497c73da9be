/**
 * Processes that train one network together, each on its share of every batch.
 *
 * @module
 */

/** One of several processes, as far as training knows them. */
export interface Ranks {
  /** This process's place, 0 to {@linkcode size} - 1. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /**
   * Adds numbers up over all ranks, in place, element by element; each gets the same bits. All ranks call it in the same
   * order with as many numbers. Several calls may be under way: they are made one after the other, on another thread than
   * the caller's, so that what is submitted to the device meanwhile runs at the same time.
   *
   * @param data The numbers, possibly in memory of the device: they are not to be used before the promise resolves.
   */
  sum(data: Float32Array<ArrayBuffer>): Promise<void>;
}
