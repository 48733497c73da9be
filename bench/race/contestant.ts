/**
 * Who takes part in a race.
 *
 * @module
 */

import type { Runner } from "../timing.ts";

/** Something that computes, set up: weights are where it wants them. */
export interface Contestant extends Runner {
  /** Computes the same `repetitions` times over and returns the last result, in the contestant's own order. */
  run(repetitions: number): Promise<Float32Array>;
  /** Brings a result into the heat's order; left out where it has that order. */
  order?(result: Float32Array): Float32Array;
  close(): void | Promise<void>;
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
