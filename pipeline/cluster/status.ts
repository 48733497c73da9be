/**
 * What `deno task cluster status` says.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { formatCount, formatDuration, formatNumberOf } from "../command/numbers.ts";
import { shellWord } from "../command/shell_word.ts";
import type { FolderState, ShardState } from "./shard_states.ts";

/** A folder in numbers. */
export interface Summary extends Pick<ShardState, "images" | "rejected" | "rate"> {
  readonly shards: { readonly total: number } & Readonly<Record<ShardState["state"], number>>;
  /** Until all images are done at that rate. */
  readonly secondsLeft?: number;
  /** Whether the shards have become one data set. */
  readonly joined: boolean;
}

/** Shards that have a line of their own; the others are counted. */
const SHOWN = 20;

/**
 * Adds up the shards of a folder.
 *
 * @param state The folder.
 * @returns Numbers of the whole folder.
 */
export function summariseFolder({ images: total, shards, joined }: FolderState): Summary {
  const all = joined ? [joined] : shards;
  const done = sum(all.map(({ images }) => images.done));
  const count = (state: ShardState["state"]) => shards.filter((shard) => shard.state === state).length;
  const rates = shards.flatMap(({ rate }) => rate === undefined ? [] : [rate]);
  const running = count("running");
  const rate = rates.length > 0 ? sum(rates) / rates.length * running : undefined;
  return {
    images: { done, total },
    rejected: sum(all.map(({ rejected }) => rejected)),
    shards: {
      total: shards.length,
      whole: count("whole"),
      running,
      stopped: count("stopped"),
      missing: count("missing"),
    },
    rate,
    secondsLeft: rate === undefined ? undefined : (total - done) / rate,
    joined: joined?.state === "whole",
  };
}

/**
 * The state of a folder as text.
 *
 * @param path The folder.
 * @param state The states of its shards.
 * @returns The lines to print.
 */
export function describeFolderState(path: string, state: FolderState): string[] {
  const { images, rejected, shards, rate, secondsLeft, joined } = summariseFolder(state);
  const counts = [
    `${formatCount(images.done)} of ${formatNumberOf(images.total, "image")} in whole part files`,
    ...(rejected > 0 ? [`${formatCount(rejected)} of them rejected`] : []),
  ].join(", ");
  if (state.joined) return [`${path}: one data set${joined ? "" : ", not whole"}`, `  images   ${counts}`];
  const kinds = (["whole", "running", "stopped", "missing"] as const).filter((kind) => shards[kind] > 0);
  const lines = [
    `${path}: ${formatNumberOf(shards.total, "shard")}: ${
      kinds.map((kind) => `${formatCount(shards[kind])} ${kind}`).join(", ")
    }`,
    `  images   ${counts}`,
  ];
  if (rate !== undefined && secondsLeft !== undefined) {
    lines.push(`  rate     ${rate.toFixed(1)} images/s, ${formatDuration(secondsLeft)} left at this rate`);
  }
  const begun = state.shards.filter(({ state }) => state === "running" || state === "stopped");
  lines.push(...begun.slice(0, SHOWN).map(describeShard));
  if (begun.length > SHOWN) lines.push(`  and ${formatCount(begun.length - SHOWN)} more that have begun`);
  const missing = state.shards.filter(({ state }) => state === "missing").map(({ index }) => index);
  if (missing.length > 0) lines.push(`  missing  ${ranges(missing)}`);
  if (shards.whole === shards.total) {
    lines.push("", "Next: make one data set of the shards", `  ${calledAs("cluster join")} ${shellWord(path)}`);
  }
  return lines;
}

function describeShard({ index, state, parts, images, rejected, rate }: ShardState): string {
  return [
    `  shard ${index} ${state}: ${formatCount(parts.done)} of ${formatNumberOf(parts.total, "part file")}`,
    `${formatCount(images.done)} of ${formatNumberOf(images.total, "image")}`,
    ...(rate === undefined ? [] : [`${rate.toFixed(1)} images/s`]),
    ...(rejected > 0 ? [`${formatCount(rejected)} rejected`] : []),
  ].join(", ");
}

/**
 * Numbers as Slurm writes them.
 *
 * @param numbers Ascending integers.
 * @returns The numbers with ranges joined: `0-3,7,9-11`.
 */
export function ranges(numbers: readonly number[]): string {
  const spans: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const span = spans.at(-1);
    if (span?.last === number - 1) span.last = number;
    else spans.push({ first: number, last: number });
  }
  return spans.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(",");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
