/**
 * Numbers for the eye.
 *
 * @module
 */

/** `1,281,167`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/**
 * A count with its noun.
 *
 * @param count How many there are.
 * @param noun In the singular.
 * @param plural Default the noun with an s.
 * @returns `1 image`, `2 images`.
 */
export function formatNumberOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** A share of 1 as `12.5 %`. */
export function formatPercent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/**
 * A duration in its two largest units.
 *
 * @param seconds Not negative.
 * @returns `4.2 s` below ten seconds, `42 s`, `3 min 12 s`, `5 h 3 min`, `2 d 7 h`.
 */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]] as const;
  const first = units.findIndex(([, length]) => whole >= length);
  const [[large, largeLength], [small, smallLength]] = [units[first], units[first + 1]];
  const rest = Math.floor(whole % largeLength / smallLength);
  return `${Math.floor(whole / largeLength)} ${large} ${rest} ${small}`;
}

/** Bytes in the largest unit of 1,000s, to three digits: `512 bytes`, `9.60 kB`, `724 kB`, `12.3 GB`. */
export function formatBytes(bytes: number): string {
  const units = ["kB", "MB", "GB", "TB"];
  const rounded = Number(bytes.toPrecision(3));
  if (rounded < 1000) return formatNumberOf(Math.round(bytes), "byte");
  const power = Math.min(Math.floor(Math.log10(rounded) / 3), units.length);
  return `${(rounded / 1000 ** power).toPrecision(3)} ${units[power - 1]}`;
}

/** `[224, 448]` as `224 x 448`. */
export function formatSize(size: readonly number[]): string {
  return size.join(" x ");
}

/** `[7, 7]` as `7 x 7 cells`. */
export function formatCells(grid: readonly number[]): string {
  return `${formatSize(grid)} ${grid.every((side) => side === 1) ? "cell" : "cells"}`;
}
