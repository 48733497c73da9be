/**
 * An order of rows from a seed.
 *
 * @module
 */

/**
 * A permutation that depends on a seed, an epoch and a length alone. Every one of them is as likely (Fisher and Yates; the
 * random numbers are those of xoshiro128**, started by a hash of seed and epoch).
 *
 * @param length How many.
 * @param order Seed, any integer, and epoch, from 0.
 * @returns The numbers from 0 to `length` - 1.
 * @throws {RangeError} If seed or epoch is not a safe integer, or the epoch is negative.
 */
export function permutation(length: number, { seed, epoch = 0 }: { seed: number; epoch?: number }): Uint32Array {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`Cannot shuffle: seed is ${seed}, expected an integer`);
  if (!Number.isSafeInteger(epoch) || epoch < 0) {
    throw new RangeError(`Cannot shuffle: epoch is ${epoch}, expected 0 or more`);
  }
  const random = randomIntegers([...words(seed), ...words(epoch)]);
  const numbers = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = random(last + 1);
    const number = numbers[last];
    numbers[last] = numbers[other];
    numbers[other] = number;
  }
  return numbers;
}

/** The two halves of an integer in 64 bits. */
function words(value: number): [number, number] {
  return [value | 0, Math.floor(value / 2 ** 32) | 0];
}

/** Integers from 0 up to a limit, each as likely: those of the last, incomplete round of 2^32 are drawn again. */
function randomIntegers(key: readonly number[]): (limit: number) => number {
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
  const next = (): number => {
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
  return (limit) => {
    const round = 2 ** 32 - 2 ** 32 % limit;
    while (true) {
      const value = next();
      if (value < round) return value % limit;
    }
  };
}

function rotate(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}
