/**
 * Where the time of a training goes.
 *
 * @module
 */

import type { TrainingDevice, TrainingProgress, TrainingResult } from "./training_parts.ts";

/** Measures a loop that takes batches, and how long its steps wait for other ranks. */
export interface Stopwatch {
  /** Waits for something, and counts how long. */
  waitFor<Value>(promise: Promise<Value>): Promise<Value>;
  /** Ends a lap of some steps. */
  lap(steps: number): Pick<TrainingProgress, "imagesPerSecond" | "waiting" | "exchanging">;
  /** Begins a lap, so that what was done since the last one is of none. */
  restart(): void;
  /** All laps, and the time between them. */
  total(): Pick<TrainingResult, "images" | "seconds" | "waiting" | "exchanging">;
}

/**
 * Starts a stopwatch.
 *
 * @param batch Images of a step.
 * @param exchanges The device, where there are other ranks.
 * @returns The stopwatch.
 */
export function startStopwatch(batch: number, exchanges?: Pick<TrainingDevice<unknown>, "exchangeTime">): Stopwatch {
  const start = performance.now();
  const all = { images: 0, waited: 0, exchanged: 0 };
  let lap = { start, waited: 0 };
  return {
    async waitFor(promise) {
      const start = performance.now();
      const value = await promise;
      const waited = performance.now() - start;
      all.waited += waited;
      lap.waited += waited;
      return value;
    },
    lap(steps) {
      const now = performance.now();
      const elapsed = Math.max(now - lap.start, 1e-3);
      const { waited } = lap;
      const exchanged = exchanges?.exchangeTime().exposed;
      lap = { start: now, waited: 0 };
      all.images += steps * batch;
      all.exchanged += exchanged ?? 0;
      return {
        imagesPerSecond: steps * batch / elapsed * 1000,
        waiting: waited / elapsed,
        ...(exchanged === undefined ? {} : { exchanging: exchanged / elapsed }),
      };
    },
    restart() {
      lap = { start: performance.now(), waited: 0 };
    },
    total() {
      const elapsed = Math.max(performance.now() - start, 1e-3);
      return {
        images: all.images,
        seconds: elapsed / 1000,
        waiting: all.waited / elapsed,
        ...(exchanges ? { exchanging: all.exchanged / elapsed } : {}),
      };
    },
  };
}
