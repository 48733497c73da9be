/**
 * MurmurHash3 of 32 bits (Appleby, 2011), without the length that it mixes in at the end: what random numbers and tables
 * of keys are made of.
 *
 * @module
 */

/**
 * Hashes words.
 *
 * @param words Words of 32 bits.
 * @param seed Another seed gives another hash of the same words.
 * @returns From 0 to 2^32 - 1.
 */
export function hashWords(words: readonly number[], seed: number): number {
  let hash = seed;
  for (const word of words) {
    const mixed = Math.imul(rotateLeft(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = Math.imul(rotateLeft(hash ^ mixed, 13), 5) + 0xe6546b64 | 0;
  }
  return mixBits(hash);
}

/**
 * MurmurHash3's last step: a bijection in which every bit of the argument changes half of the result's.
 *
 * @param value A word of 32 bits.
 * @returns From 0 to 2^32 - 1.
 */
export function mixBits(value: number): number {
  let bits = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  bits = Math.imul(bits ^ bits >>> 13, 0xc2b2ae35);
  return (bits ^ bits >>> 16) >>> 0;
}

/** The two halves of an integer of up to 53 bits, the lower first, to be hashed. */
export function wordsOf(value: number): [number, number] {
  return [value | 0, Math.floor(value / 2 ** 32) | 0];
}

/** A word of 32 bits, its bits moved to the left and round. */
export function rotateLeft(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}
