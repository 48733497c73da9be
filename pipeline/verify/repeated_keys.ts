/**
 * Keys that are there twice, among more than memory would hold: 8 bytes a key, its hash.
 *
 * @module
 */

/** Keys seen so far. */
export interface KeyHashes {
  add(key: string): void;
  /**
   * The hashes that several keys have: equal keys, or in one of a hundred sets of ten million keys a pair of different ones.
   */
  repeated(): Set<number>;
}

/**
 * The hash of a key: two 32-bit FNV-1a hashes with different starts, of which 53 bits fit a number.
 *
 * @param key Any text.
 * @returns An integer below 2^53.
 */
export function hashKey(key: string): number {
  let low = 0x811c9dc5;
  let high = 0x050c5d1f;
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code ^ low >>> 15, 0x01000193);
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

/** An empty set of keys. */
export function createKeyHashes(): KeyHashes {
  let hashes = new Float64Array(1024);
  let count = 0;
  return {
    add(key) {
      if (count === hashes.length) {
        const larger = new Float64Array(2 * count);
        larger.set(hashes);
        hashes = larger;
      }
      hashes[count++] = hashKey(key);
    },
    repeated() {
      const sorted = hashes.slice(0, count).sort();
      return new Set(sorted.filter((hash, index) => index > 0 && hash === sorted[index - 1]));
    },
  };
}
