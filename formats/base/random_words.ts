/**
 * Random words one after the other, the same on every machine: for orders and scenes, which no kernel draws.
 *
 * @module
 */

import { hashWords, rotateLeft } from "./murmur_hash.ts";

/**
 * A sequence of random words: xoshiro128** (Blackman and Vigna, 2018), whose state begins as four hashes of the key.
 *
 * @param key Words of 32 bits; other keys give other sequences.
 * @returns A function that gives the next integer from 0 to 2^32 - 1.
 */
export function randomWords(key: readonly number[]): () => number {
  const state = Uint32Array.from([1, 2, 3, 4], (seed) => hashWords(key, seed));
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotateLeft(state[3], 11);
    return result;
  };
}
