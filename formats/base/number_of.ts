/**
 * Counts with their nouns.
 *
 * @module
 */

/**
 * A count with its noun.
 *
 * @param count How many there are.
 * @param noun In the singular.
 * @param plural Default the noun with an s.
 * @returns `1 image`, `2 images`.
 */
export function numberOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}
