/**
 * A heat: one piece of work, checked and then raced on.
 *
 * @module
 */

import { formatTable } from "../table.ts";
import { median, timeInTurns } from "../timing.ts";
import { type Contestant, toChannelsLast } from "./contestant.ts";

/** A piece of work and who does it. */
export interface Heat {
  readonly name: string;
  readonly batch: number;
  /** Channels of the result. */
  readonly channels: number;
  /** Sets up the contestants by name; the first is the engine. */
  readonly entries: Readonly<Record<string, () => Contestant | Promise<Contestant>>>;
  /**
   * Judges a result.
   *
   * @param result `[N, H, W, C]`.
   * @param name Whose it is.
   * @throws {Error} If it is wrong.
   */
  check(result: Float32Array, name: string): void;
  /** What a repetition does: an amount, and what an amount a second is called. */
  readonly work: { readonly amount: number; readonly unit: string };
  /** How many times as fast as the best of `peers` the engine has to be on software Vulkan. */
  readonly wanted: number;
  readonly peers: readonly string[];
}

/**
 * Holds a heat and prints its table.
 *
 * @param heat What.
 * @param rounds Timings of each contestant.
 * @returns How many times as fast as the best peer the engine is: a ratio of medians; NaN if no peer could compete.
 * @throws {Error} If the engine's result is wrong.
 */
export async function holdHeat(heat: Heat, rounds: number): Promise<number> {
  console.log(`\n${heat.name}`);
  const contestants: Contestant[] = [];
  const failures: string[] = [];
  for (const [name, open] of Object.entries(heat.entries)) {
    try {
      const contestant = await open();
      contestants.push(contestant);
      const result = await contestant.run(1);
      const ordered = contestant.layout === "NHWC" ? result : toChannelsLast(result, heat.batch, heat.channels);
      heat.check(ordered, name);
    } catch (error) {
      if (contestants.length < 2) throw error;
      failures.push(`${name} is left out: ${(error as Error).message}`);
      if (contestants.at(-1)?.name === name) await contestants.pop()!.close();
    }
  }
  const timings = await timeInTurns(contestants, rounds);
  const medians = new Map(timings.map(({ runner, milliseconds }) => [runner.name, median(milliseconds)]));
  const [engine] = medians.values();
  console.log(formatTable([
    ["", "ms", "fastest", "slowest", heat.work.unit, "repetitions", "relative"],
    ...timings.map(({ runner: { name }, milliseconds, repetitions }) => [
      name,
      format(medians.get(name)!),
      format(Math.min(...milliseconds)),
      format(Math.max(...milliseconds)),
      format(heat.work.amount / medians.get(name)! * 1000),
      repetitions,
      (medians.get(name)! / engine).toFixed(2),
    ]),
  ]));
  for (const failure of failures) console.log(`  ${failure}`);
  for (const contestant of contestants) await contestant.close();

  const best = heat.peers.filter((name) => medians.has(name)).sort((a, b) => medians.get(a)! - medians.get(b)!)[0];
  if (!best) return NaN;
  const ratio = medians.get(best)! / engine;
  console.log(`  ${ratio.toFixed(2)} times as fast as ${best}; wanted on software Vulkan: ${heat.wanted}`);
  return ratio;
}

function format(value: number): string {
  return value.toPrecision(Math.max(3, Math.ceil(Math.log10(value))));
}
