/**
 * What is wrong with something large: everything is counted, the first defects are kept.
 *
 * @module
 */

/** Defects found so far. */
export interface Defects {
  /** Adds one. */
  add(sentence: string): void;
  readonly count: number;
  /** The first ones. */
  readonly first: readonly string[];
}

/**
 * An empty list of defects.
 *
 * @param kept How many to keep.
 * @returns The list.
 */
export function createDefects(kept: number): Defects {
  const first: string[] = [];
  let count = 0;
  return {
    add(sentence) {
      if (count++ < kept) first.push(sentence);
    },
    get count() {
      return count;
    },
    first,
  };
}
