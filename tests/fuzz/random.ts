/**
 * Random choices from a seed.
 *
 * @module
 */

import { generator } from "../formats/labels/fixture.ts";

/** Choices, the same ones for the same seed. */
export interface Random {
  /** An integer from 0 up to, but not including, `end`. */
  below(end: number): number;
  /** One of several. */
  one<T>(choices: readonly T[]): T;
  /** True once in `times`. */
  once(times: number): boolean;
}

/** The choices of a seed. */
export function randomOf(seed: number): Random {
  // Neighbouring seeds of the generator are spread out, so that their first numbers have nothing in common.
  const next = generator(Math.imul(seed + 1, 0x9e3779b1));
  const below = (end: number) => Math.floor(next() * end);
  return { below, one: (choices) => choices[below(choices.length)], once: (times) => below(times) === 0 };
}
