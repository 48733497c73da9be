/**
 * Ranks that are functions of one process, for tests of what ranks agree on.
 *
 * @module
 */

import type { Communicator } from "../../../pipeline/command/mpi/communicator.ts";

/** Arrays of one call by all ranks, in their order. */
type Combine = (arrays: readonly { [index: number]: number; readonly length: number }[]) => void;

/** What all ranks call together. */
interface Round {
  readonly name: string;
  readonly arrays: Map<number, Uint8Array | Int32Array | Float32Array | Float64Array>;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Runs a function as several ranks.
 *
 * @param size How many.
 * @param action What each does.
 * @param machines Ranks of a machine; default all.
 * @returns What each rank's function came to.
 * @throws {Error} In a rank that makes another call than the first rank made at that place, or with another length.
 */
export function runSimulated<Result>(
  size: number,
  action: (ranks: Communicator) => Promise<Result>,
  machines = size,
): Promise<PromiseSettledResult<Result>[]> {
  const rounds: Round[] = [];
  const communicators = Array.from({ length: size }, (_, rank): Communicator => {
    let calls = 0;
    const meet = async (
      name: string,
      array: Uint8Array | Int32Array | Float32Array | Float64Array,
      combine: Combine,
    ) => {
      const round = rounds[calls++] ??= { name, arrays: new Map(), done: Promise.withResolvers() };
      const call = `${name} ${array.length}`;
      const [first = array] = round.arrays.values();
      if (call !== `${round.name} ${first.length}`) {
        throw new Error(`Rank ${rank} calls ${call}, another ${round.name} ${first.length}`);
      }
      round.arrays.set(rank, array);
      if (round.arrays.size === size) {
        combine(Array.from({ length: size }, (_, rank) => round.arrays.get(rank)!));
        round.done.resolve();
      }
      await round.done.promise;
      return round.arrays;
    };
    const reduce = (operate: (a: number, b: number) => number): Combine => (arrays) => {
      for (let at = 0; at < arrays[0].length; at++) {
        const value = arrays.map((array) => array[at]).reduce(operate);
        for (const array of arrays) array[at] = value;
      }
    };
    return {
      rank,
      size,
      localRank: rank % machines,
      localSize: machines,
      library: "a test",
      sum: async (data) => void await meet("sum", data, reduce((a, b) => a + b)),
      largest: async (data) => void await meet("largest", data, reduce((a, b) => Math.max(a, b))),
      broadcast: async (data) => void await meet("broadcast", data, reduce((first) => first)),
      async gather(data) {
        const all = await meet("gather", data, () => {});
        return rank > 0 ? undefined : Array.from({ length: size }, (_, rank) => all.get(rank)!.slice() as typeof data);
      },
      barrier: async () => void await meet("barrier", new Uint8Array(), () => {}),
      abort(code) {
        throw new Error(`Rank ${rank} ends all with ${code}`);
      },
      close: () => Promise.resolve(),
    };
  });
  return Promise.allSettled(communicators.map(action));
}
