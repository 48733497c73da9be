/**
 * Random numbers from a key: the same on every machine.
 *
 * @module
 */

/**
 * A sequence of random words: xoshiro128**, started by a hash of the key.
 *
 * @param key Words of 32 bits; other keys give other sequences.
 * @returns A function that gives the next integer from 0 to 2^32 - 1.
 */
export function randomWords(key: readonly number[]): () => number {
  const state = new Uint32Array(4);
  // Each word of the state is a hash of the whole key (MurmurHash3's rounds and finish).
  for (let index = 0; index < 4; index++) {
    let hash = index + 1;
    for (const word of key) {
      const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
      hash = Math.imul(rotate(hash ^ mixed, 13), 5) + 0xe6546b64 | 0;
    }
    hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
    hash = Math.imul(hash ^ hash >>> 13, 0xc2b2ae35);
    state[index] = hash ^ hash >>> 16;
  }
  return () => {
    const result = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 11);
    return result;
  };
}

/** The two halves of an integer in 64 bits, for a key. */
export function keyWords(value: number): [number, number] {
  return [value | 0, Math.floor(value / 2 ** 32) | 0];
}

function rotate(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}
