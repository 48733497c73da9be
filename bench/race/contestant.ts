/**
 * Who takes part in a race, and how a timing is taken.
 *
 * All contestants run in one process, one at a time. A timing is some repetitions, one after the other, and the last
 * result's way to the CPU; how many makes it last {@linkcode TIMING_MILLISECONDS}, for each contestant on its own, so that
 * the read-back (in Deno up to 10 ms of polling) weighs the same for all. Rounds go through all contestants, each beginning
 * with another one, since a process or the machine may be slow for a while; the median over rounds counts.
 *
 * @module
 */

/** Something that computes, set up: inputs and weights are where it wants them. */
export interface Contestant {
  readonly name: string;
  /**
   * Computes the same `repetitions` times over.
   *
   * @returns The last result, `[N, H, W, C]` or `[N, C, H, W]` as `layout` says.
   */
  run(repetitions: number): Promise<Float32Array>;
  readonly layout: "NHWC" | "NCHW";
  close(): void | Promise<void>;
}

/** What a contestant took. */
export interface Timing {
  readonly contestant: Contestant;
  /** Repetitions of a timing. */
  readonly repetitions: number;
  /** Of one repetition, a number a round. */
  readonly milliseconds: number[];
}

/** What a timing should last. */
export const TIMING_MILLISECONDS = 300;

/** Outputs of all repetitions may be in memory together. */
const MOST_REPETITIONS = 500;

/** Threads that spin after their work are quiet by then. */
const PAUSE_MILLISECONDS = 50;

/**
 * Times contestants in turns. Each has run before, so that shaders are compiled.
 *
 * @param contestants Who takes part.
 * @param rounds Timings of each.
 * @returns Their timings, in their order.
 */
export async function race(contestants: readonly Contestant[], rounds: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  for (const contestant of contestants) {
    const estimate = await time(contestant, 1);
    const wanted = Math.ceil(TIMING_MILLISECONDS / estimate);
    timings.push({ contestant, repetitions: Math.min(wanted, MOST_REPETITIONS), milliseconds: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < timings.length; turn++) {
      const { contestant, repetitions, milliseconds } = timings[(round + turn) % timings.length];
      milliseconds.push(await time(contestant, repetitions) / repetitions);
    }
  }
  return timings;
}

async function time(contestant: Contestant, repetitions: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  const start = performance.now();
  await contestant.run(repetitions);
  return performance.now() - start;
}

/** Reorders `[N, C, positions]` as `[N, positions, C]`. */
export function toChannelsLast(data: Float32Array, batch: number, channels: number): Float32Array<ArrayBuffer> {
  const positions = data.length / batch / channels;
  const result = new Float32Array(data.length);
  for (let n = 0, to = 0; n < batch; n++) {
    for (let position = 0; position < positions; position++) {
      for (let channel = 0; channel < channels; channel++) {
        result[to++] = data[(n * channels + channel) * positions + position];
      }
    }
  }
  return result;
}

/** Reorders `[N, positions, C]` as `[N, C, positions]`. */
export function toChannelsFirst(data: Float32Array, batch: number, channels: number): Float32Array<ArrayBuffer> {
  return toChannelsLast(data, batch, data.length / batch / channels);
}
