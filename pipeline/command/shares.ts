/**
 * Shares of 1 with their errors, for the eye.
 *
 * @module
 */

import type { Mean } from "./mean.ts";

/**
 * A share in per cent.
 *
 * @param mean The share.
 * @returns `52.0 +- 0.7 %`, without an error where none is known.
 */
export function formatShare({ value, standardError }: Mean): string {
  return `${percent(value)}${errorOf(standardError)} %`;
}

/**
 * A difference of two shares in points of a per cent.
 *
 * @param mean The difference.
 * @returns `+6.9 +- 0.6`.
 */
export function formatDifference({ value, standardError }: Mean): string {
  return `${value < 0 ? "" : "+"}${percent(value)}${errorOf(standardError)}`;
}

function percent(value: number): string {
  return (100 * value).toFixed(1);
}

function errorOf(standardError: number | undefined): string {
  return standardError === undefined ? "" : ` +- ${percent(standardError)}`;
}
