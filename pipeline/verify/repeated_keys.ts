/**
 * Keys that are there twice, among more than memory would hold: 8 bytes a key, its hash.
 *
 * @module
 */

import { hashText } from "../../formats/base/text_hash.ts";

/** Keys seen so far. */
export interface KeyHashes {
  add(key: string): void;
  /**
   * The hashes that several keys have: equal keys, or in one of a hundred sets of ten million keys a pair of different ones.
   */
  repeated(): Set<number>;
}

/** An empty set of keys. */
export function createKeyHashes(): KeyHashes {
  let hashes = new Float64Array(1024);
  let count = 0;
  return {
    add(key) {
      if (count === hashes.length) hashes = new Float64Array(hashes.buffer.transfer(2 * hashes.byteLength));
      hashes[count++] = hashText(key);
    },
    repeated() {
      const sorted = hashes.slice(0, count).sort();
      return new Set(sorted.filter((hash, index) => index > 0 && hash === sorted[index - 1]));
    },
  };
}
