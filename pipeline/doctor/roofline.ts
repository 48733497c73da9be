/**
 * How long a card takes at least: the roofline of Williams et al., 2009, of each piece of work by itself.
 *
 * @module
 */

import type { WorkCost } from "../../kernels/engine/program_cost.ts";
import type { Card } from "./cards.ts";

/** Shares of a card's peaks that good kernels reach: of arithmetic and of bandwidth. */
export const SHARES = { arithmetic: 0.6, bandwidth: 0.8 } as const;

/** Share of a card's memory that driver and desktop leave; of a machine's memory what macOS leaves to a GPU. */
const USABLE = { own: 0.95, shared: 0.7 } as const;

/**
 * Adds up what is longer of each piece of work, arithmetic or moving bytes.
 *
 * @param works What is computed, one after the other.
 * @param card The card that computes it.
 * @returns Seconds at {@linkcode SHARES} of the card's peaks.
 */
export function rooflineSeconds(works: readonly WorkCost[], { teraflops, bandwidth }: Card): number {
  const operations = teraflops * 1e12 * SHARES.arithmetic;
  const bytesPerSecond = bandwidth * 1e9 * SHARES.bandwidth;
  return works.reduce(
    (sum, { multiplyAdds, bytes }) => sum + Math.max(2 * multiplyAdds / operations, bytes / bytesPerSecond),
    0,
  );
}

/**
 * Whether bytes fit into a card's memory beside what others take of it.
 *
 * @param bytes All that is on the device.
 * @param card The card.
 * @returns Whether they do.
 */
export function fitsInto(bytes: number, { memory, shared }: Card): boolean {
  return bytes <= memory * 2 ** 30 * (shared ? USABLE.shared : USABLE.own);
}
