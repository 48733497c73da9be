/**
 * The rank of a class among logits.
 *
 * @module
 */

/**
 * How many classes come before one: 0 for the top-1 class, below 5 for the top-5. Of equal logits the lower index is first.
 *
 * @param logits `[C]`, finite.
 * @param label The class.
 * @param candidates The classes that count; default all.
 * @returns The rank, from 0.
 */
export function rankOf(logits: ArrayLike<number>, label: number, candidates?: readonly number[]): number {
  const value = logits[label];
  const isBefore = (other: number) => logits[other] > value || logits[other] === value && other < label;
  let rank = 0;
  if (candidates) {
    for (const other of candidates) if (isBefore(other)) rank++;
  } else {
    for (let other = 0; other < logits.length; other++) if (isBefore(other)) rank++;
  }
  return rank;
}

/**
 * The rank of the best of several classes.
 *
 * @param logits `[C]`, finite.
 * @param labels At least one class.
 * @returns The rank, from 0.
 */
export function bestRankOf(logits: ArrayLike<number>, labels: readonly number[]): number {
  const best = labels.reduce((best, label) =>
    logits[label] > logits[best] || logits[label] === logits[best] && label < best ? label : best
  );
  return rankOf(logits, best);
}
