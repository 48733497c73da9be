/**
 * Rows by their keys in some bytes per row: only hashes are kept, and what they lead to is compared with the file.
 *
 * @module
 */

import { mixBits } from "../base/murmur_hash.ts";

/** Finds rows. */
export interface KeyIndex {
  /** The first row with a key, or undefined if there is none. */
  find(key: string): number | undefined;
}

/**
 * Makes an index.
 *
 * @param length Number of rows.
 * @param keys All keys in order.
 * @param keyAt Reads the key of a row.
 * @returns The index.
 */
export function indexKeys(length: number, keys: Iterable<string>, keyAt: (row: number) => string): KeyIndex {
  // A table of hashes, at most two thirds full; a row is in the first free place from the one its hash names.
  const places = 2 ** Math.ceil(Math.log2(Math.max(1.5 * length, 2)));
  const hashes = new Uint32Array(places);
  const rows = new Uint32Array(places);
  let row = 0;
  for (const key of keys) {
    const hash = hashOf(key);
    let place = hash % places;
    while (rows[place] !== 0) place = (place + 1) % places;
    hashes[place] = hash;
    rows[place] = ++row;
  }
  return {
    find(key) {
      const hash = hashOf(key);
      for (let place = hash % places; rows[place] !== 0; place = (place + 1) % places) {
        if (hashes[place] === hash && keyAt(rows[place] - 1) === key) return rows[place] - 1;
      }
      return undefined;
    },
  };
}

/** FNV-1a over UTF-16, whose lowest bits are then as good as the others. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return mixBits(hash);
}
