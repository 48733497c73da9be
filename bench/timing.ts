/**
 * How timings are taken.
 *
 * What is compared runs in one process, one at a time. A timing is some repetitions, one after the other, up to the last
 * result's way to the CPU; how many makes it last {@linkcode TIMING_MILLISECONDS}, for each on its own, so that the
 * read-back (in Deno up to 10 ms of polling) weighs the same for all. Rounds go through all of them, each beginning with
 * another one, since a process or the machine may be slow for a while; the median over rounds counts.
 *
 * @module
 */

import { cpuUsage } from "node:process";

/** Something to time, set up. */
export interface Runner {
  readonly name: string;
  /** Does the same `repetitions` times over. */
  run(repetitions: number): Promise<unknown>;
}

/** What a runner took. */
export interface Timing<T extends Runner> {
  readonly runner: T;
  /** Repetitions of a timing. */
  readonly repetitions: number;
  /** Of one repetition by the clock, a number a round. */
  readonly milliseconds: number[];
  /** Of one repetition, of all threads of the process. */
  readonly processorMilliseconds: number[];
}

/** What a timing should last. */
export const TIMING_MILLISECONDS = 300;

/** How much longer a timing is tried than the one before, at most. */
const GROWTH = 10;

/** Threads that spin after their work are quiet by then. */
const PAUSE_MILLISECONDS = 50;

/**
 * Times runners in turns.
 *
 * @param runners What to time. Each has run before, so that shaders are compiled.
 * @param rounds Timings of each.
 * @returns Their timings, in their order.
 */
export async function timeInTurns<T extends Runner>(runners: readonly T[], rounds: number): Promise<Timing<T>[]> {
  const timings: Timing<T>[] = [];
  for (const runner of runners) {
    const repetitions = await enoughRepetitions(runner);
    timings.push({ runner, repetitions, milliseconds: [], processorMilliseconds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < timings.length; turn++) {
      const { runner, repetitions, milliseconds, processorMilliseconds } = timings[(round + turn) % timings.length];
      const { clock, processor } = await time(runner, repetitions);
      milliseconds.push(clock / repetitions);
      processorMilliseconds.push(processor / repetitions);
    }
  }
  return timings;
}

/** A single run is mostly the wait for its result, so that a timing that lasts too short is tried again. */
async function enoughRepetitions(runner: Runner): Promise<number> {
  for (let repetitions = 1;;) {
    const { clock } = await time(runner, repetitions);
    if (clock >= TIMING_MILLISECONDS) return repetitions;
    const wanted = repetitions * Math.min(GROWTH, 1.1 * TIMING_MILLISECONDS / clock);
    repetitions = Math.max(repetitions + 1, Math.ceil(wanted));
  }
}

async function time(runner: Runner, repetitions: number): Promise<{ clock: number; processor: number }> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  const before = cpuUsage();
  const start = performance.now();
  await runner.run(repetitions);
  const clock = performance.now() - start;
  const { user, system } = cpuUsage(before);
  return { clock, processor: (user + system) / 1000 };
}

/** The median; of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}
