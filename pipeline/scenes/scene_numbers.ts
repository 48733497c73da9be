/**
 * The random numbers of a scene, from which it follows whole.
 *
 * @module
 */

import type { RandomNumbers } from "../../formats/base/random.ts";
import { wordsOf } from "../../formats/base/murmur_hash.ts";
import { randomWords } from "../../formats/base/random_words.ts";

/** The parts of the data set, which share no scene. */
export const splits = ["train", "validation", "test", "extra"] as const;

/** A part of the data set. */
export type Split = typeof splits[number];

/** What names a scene. */
export interface SceneId {
  /** The data set's seed, any integer. */
  readonly seed: number;
  readonly split: Split;
  /** Index in the split, from 0. */
  readonly index: number;
  /** The fewest objects that are drawn, 1 (default) to 4; one that finds no room is left out all the same. */
  readonly leastObjects?: number;
}

/** The random numbers of a scene, one after the other. */
export type SceneNumbers = Pick<RandomNumbers, "uniform" | "normal">;

/**
 * The random numbers of a scene.
 *
 * @param id Seed, split and index of the scene.
 * @param purpose What they are drawn for; what is drawn for one purpose does not depend on how much is drawn for another.
 * @returns The random numbers.
 */
export function sceneNumbers({ seed, split, index }: SceneId, purpose: "layout" | "noise"): SceneNumbers {
  const next = randomWords([
    ...wordsOf(seed),
    splits.indexOf(split),
    ...wordsOf(index),
    purpose === "layout" ? 0 : 1,
  ]);
  let spare: number | undefined;
  return {
    uniform: (low, high) => low + (high - low) * (next() / 2 ** 32),
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      // Marsaglia's polar method: a point in the unit circle gives two.
      while (true) {
        const x = next() / 2 ** 31 - 1;
        const y = next() / 2 ** 31 - 1;
        const square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const scale = Math.sqrt(-2 * Math.log(square) / square);
        spare = y * scale;
        return x * scale;
      }
    },
  };
}
