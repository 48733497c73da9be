/**
 * An order of rows from a seed.
 *
 * @module
 */

import { wordsOf } from "./murmur_hash.ts";
import { randomWords } from "./random_words.ts";

/**
 * A permutation that depends on a seed, an epoch and a length alone. Every one of them is as likely (Fisher and Yates; the
 * random numbers are those of xoshiro128**, started by a hash of seed and epoch).
 *
 * @param length Number of elements.
 * @param order Seed, any integer, and epoch, from 0.
 * @returns The numbers from 0 to `length` - 1.
 * @throws {RangeError} If seed or epoch is not a safe integer, or the epoch is negative.
 */
export function permutation(length: number, { seed, epoch = 0 }: { seed: number; epoch?: number }): Uint32Array {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`Cannot shuffle: seed is ${seed}, expected an integer`);
  if (!Number.isSafeInteger(epoch) || epoch < 0) {
    throw new RangeError(`Cannot shuffle: epoch is ${epoch}, expected 0 or more`);
  }
  const random = randomIntegers([...wordsOf(seed), ...wordsOf(epoch)]);
  const numbers = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = random(last + 1);
    const number = numbers[last];
    numbers[last] = numbers[other];
    numbers[other] = number;
  }
  return numbers;
}

/** Integers from 0 up to a limit, each as likely: those of the last, incomplete round of 2^32 are drawn again. */
function randomIntegers(key: readonly number[]): (limit: number) => number {
  const next = randomWords(key);
  return (limit) => {
    const round = 2 ** 32 - 2 ** 32 % limit;
    while (true) {
      const value = next();
      if (value < round) return value % limit;
    }
  };
}
