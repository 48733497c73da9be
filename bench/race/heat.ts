/**
 * A heat: one piece of work, checked and then raced on.
 *
 * @module
 */

import { formatTable } from "../table.ts";
import { median, timeInTurns, type Timing } from "../timing.ts";
import type { Contestant } from "./contestant.ts";

/** What is asked of the engine on software Vulkan: to be so many times as fast as the best of some peers. */
export interface Goal {
  readonly times: number;
  readonly peers: readonly string[];
}

/** A piece of work and who does it. */
export interface Heat {
  readonly name: string;
  /** Sets up the contestants by name; the first is the engine. */
  readonly entries: Readonly<Record<string, () => Contestant | Promise<Contestant>>>;
  /** Repetitions before the result is judged; 1 unless given. */
  readonly checked?: number;
  /**
   * Judges a result.
   *
   * @param result In the order of the engine's: a tensor as `[N, H, W, C]`, weights as `[O, I, kernelHeight, kernelWidth]`, losses of steps.
   * @param name Whose it is.
   * @throws {Error} If it is wrong.
   */
  check(result: Float32Array, name: string): void;
  /**
   * What a part of the work takes beside the rest of it: names of entries that do it and of those that leave it out, and what
   * the part is called.
   */
  readonly part?: { readonly name: string; readonly without: Readonly<Record<string, string>> };
  /** What a repetition does: an amount, and what an amount a second is called. */
  readonly work: { readonly amount: number; readonly unit: string };
  readonly goals: readonly Goal[];
}

/**
 * Holds a heat and prints its table.
 *
 * @param heat What.
 * @param rounds Timings of each contestant.
 * @returns How many goals were missed: by ratios of medians, and where none of a goal's peers could compete.
 * @throws {Error} If the engine's result is wrong.
 */
export async function holdHeat(heat: Heat, rounds: number): Promise<number> {
  console.log(`\n${heat.name}`);
  const contestants: Contestant[] = [];
  const failures: string[] = [];
  const [engineName] = Object.keys(heat.entries);
  for (const [name, open] of Object.entries(heat.entries)) {
    try {
      const contestant = await open();
      contestants.push(contestant);
      const result = await contestant.run(heat.checked ?? 1);
      heat.check(contestant.order?.(result) ?? result, name);
    } catch (error) {
      if (name === engineName) throw error;
      failures.push(`${name} is left out: ${(error as Error).message}`);
      if (contestants.at(-1)?.name === name) await contestants.pop()!.close();
    }
  }
  const timings = await timeInTurns(contestants, rounds);
  const medians = new Map(timings.map(({ runner, milliseconds }) => [runner.name, median(milliseconds)]));
  const [engine] = medians.values();
  console.log(formatTable([
    ["", "ms", "fastest", "slowest", "processor ms", heat.work.unit, "repetitions", "relative"],
    ...timings.map(({ runner: { name }, milliseconds, processorMilliseconds, repetitions }) => [
      name,
      format(medians.get(name)!),
      format(Math.min(...milliseconds)),
      format(Math.max(...milliseconds)),
      format(median(processorMilliseconds)),
      format(heat.work.amount / medians.get(name)! * 1000),
      repetitions,
      (medians.get(name)! / engine).toFixed(2),
    ]),
  ]));
  if (heat.part) console.log(partTable(heat.part, timings));
  for (const failure of failures) console.log(`  ${failure}`);
  for (const contestant of contestants) await contestant.close();

  let missed = 0;
  for (const { times, peers } of heat.goals) {
    const best = peers.filter((name) => medians.has(name)).sort((a, b) => medians.get(a)! - medians.get(b)!)[0];
    const ratio = best === undefined ? 0 : medians.get(best)! / engine;
    if (best) console.log(`  ${ratio.toFixed(2)} times as fast as ${best}; wanted on software Vulkan: ${times}`);
    if (ratio < times) missed++;
  }
  return missed;
}

/** What a part takes: medians of the differences of a round. */
function partTable(
  { name: part, without }: NonNullable<Heat["part"]>,
  timings: readonly Timing<Contestant>[],
): string {
  const of = new Map(timings.map((timing) => [timing.runner.name, timing]));
  const rows = Object.entries(without).flatMap(([whole, rest]) => {
    const [a, b] = [of.get(whole), of.get(rest)];
    if (!a || !b) return [];
    const difference = (times: "milliseconds" | "processorMilliseconds") =>
      median(a[times].map((value, round) => value - b[times][round])).toFixed(2);
    return [[whole, difference("milliseconds"), difference("processorMilliseconds")]];
  });
  return formatTable([[`${part} alone`, "ms", "processor ms"], ...rows]);
}

function format(value: number): string {
  return value.toPrecision(Math.max(3, Math.ceil(Math.log10(value))));
}
