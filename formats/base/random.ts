/**
 * Random numbers by counter: number n of a key is a hash of both, and needs none of those before it. A kernel that has
 * the key draws the same numbers.
 *
 * @module
 */

import { hashWords, mixBits, wordsOf } from "./murmur_hash.ts";

/** What the numbers are of: two hashes of everything that they depend on. */
export type RandomKey = readonly [first: number, second: number];

/** Random numbers, one after the other. */
export interface RandomNumbers {
  /** The next integer from 0 to 2^32 - 1. */
  word(): number;
  /** From `low` to below `high`, each as likely. */
  uniform(low: number, high: number): number;
  /** An integer from 0 to below `count`. */
  integer(count: number): number;
  /** A number from the normal distribution of mean 0 and variance 1. */
  normal(): number;
}

/**
 * The key of some integers (up to 53 bits each).
 *
 * @param values The integers.
 * @returns The key.
 */
export function randomKey(values: readonly number[]): RandomKey {
  const words = values.flatMap(wordsOf);
  return [hashWords(words, 1), hashWords(words, 2)];
}

/**
 * One random integer.
 *
 * @param key The key.
 * @param counter Which of its numbers, from 0.
 * @returns From 0 to 2^32 - 1.
 */
export function randomWord([first, second]: RandomKey, counter: number): number {
  return mixBits(mixBits(Math.imul(counter, 0x9e3779b9) + first | 0) ^ second);
}

/** {@linkcode randomWord} in WGSL: `randomWord(key: vec2<u32>, counter: u32) -> u32`. */
export const RANDOM_WORD = `
fn mixedBits(value: u32) -> u32 {
  var state = (value ^ (value >> 16u)) * 0x85ebca6bu;
  state = (state ^ (state >> 13u)) * 0xc2b2ae35u;
  return state ^ (state >> 16u);
}

fn randomWord(key: vec2<u32>, counter: u32) -> u32 {
  return mixedBits(mixedBits(counter * 0x9e3779b9u + key.x) ^ key.y);
}
`;

/**
 * The numbers of a key in order.
 *
 * @param key The key.
 * @returns The numbers in order, starting at the first.
 */
export function randomNumbers(key: RandomKey): RandomNumbers {
  let counter = 0;
  const word = () => randomWord(key, counter++);
  return {
    word,
    uniform: (low, high) => low + (high - low) * (word() / 2 ** 32),
    integer: (count) => Math.floor(word() / 2 ** 32 * count),
    normal: () => boxMuller(word(), word()),
  };
}

/**
 * A normal number made of two random integers (Box and Muller, 1958).
 *
 * @param first Gives the distance from zero, by its upper 23 bits, which f32 holds exactly.
 * @param second Gives the angle, likewise.
 * @returns A number of mean 0 and variance 1.
 */
export function boxMuller(first: number, second: number): number {
  const distance = ((first >>> 9) + 0.5) / 2 ** 23;
  const angle = ((second >>> 9) + 0.5) / 2 ** 23;
  return Math.sqrt(-2 * Math.log(distance)) * Math.cos(2 * Math.PI * angle);
}
