/**
 * How many workers decode.
 *
 * @module
 */

/**
 * Workers that keep the device busy: all cores but one, which drives it.
 *
 * @param processes How many share the cores equally.
 * @returns At least 1.
 */
export function defaultWorkers(processes = 1): number {
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / processes) - 1);
}
