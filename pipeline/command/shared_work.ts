/**
 * What the ranks of a command do together, so that none of them waits for one that has given up: each rank runs its part,
 * then all say how it went, and a failure on one ends all, with one sentence by the lowest rank that failed. Without
 * ranks each function does the plain thing.
 *
 * @module
 */

import { exitCodeOf } from "./command_line.ts";
import type { Communicator } from "./mpi/communicator.ts";

/** A failure that all ranks know of. Its cause is the error, on the rank that is to tell it, and undefined on the others. */
export class SharedFailure extends Error {
  override readonly name = "SharedFailure";

  /**
   * @param code The exit code of all ranks.
   * @param cause The error, on one rank.
   */
  constructor(readonly code: number, cause: unknown) {
    super((cause as Error | undefined)?.message ?? "Another rank failed", { cause });
  }
}

/** A signal that reached at least one rank. */
export class SharedStop extends Error {
  override readonly name = "SharedStop";
}

/**
 * Runs something on every rank, and goes on only if it was done on all of them.
 *
 * @param ranks The ranks, if there are several.
 * @param action What to do. What it throws must not keep it from exchanges that other ranks wait for.
 * @param signal A signal whose reason the action throws when it is stopped.
 * @returns The action's result.
 * @throws {SharedFailure} If it failed on any rank.
 * @throws {SharedStop} If it was stopped on any rank, and failed on none.
 */
export async function together<Result>(
  ranks: Communicator | undefined,
  action: () => Result | Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  if (!ranks) return await action();
  const [outcome] = await Promise.allSettled([Promise.try(action)]);
  const error = outcome.status === "rejected" ? outcome.reason : undefined;
  // All ranks have it at the same place.
  if (error instanceof SharedFailure || error instanceof SharedStop) throw error;
  const isStopped = error !== undefined && signal?.aborted === true && error === signal.reason;
  const isFailed = outcome.status === "rejected" && !isStopped;
  const agreed = Int32Array.of(isFailed ? ranks.size - ranks.rank : 0, isFailed ? exitCodeOf(error) : 0, +isStopped);
  await ranks.largest(agreed);
  const [failed, code, stopped] = agreed;
  if (failed > 0) throw new SharedFailure(code, failed === ranks.size - ranks.rank ? error : undefined);
  if (stopped > 0) throw new SharedStop("A signal stopped it");
  return (outcome as PromiseFulfilledResult<Awaited<Result>>).value;
}

/**
 * Runs something on rank 0, then on the first rank of each other machine, then on all others: what one has downloaded or
 * written, on this machine or on a file system that all share, the next one finds.
 *
 * @param ranks The ranks, if there are several.
 * @param action What to do.
 * @param signal As for {@linkcode together}.
 * @returns The action's result.
 * @throws {SharedFailure | SharedStop} As {@linkcode together}.
 */
export async function inTurns<Result>(
  ranks: Communicator | undefined,
  action: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  if (!ranks) return await action();
  const own = ranks.rank === 0 ? 0 : ranks.localRank === 0 ? 1 : 2;
  let result: Result;
  for (const turn of [0, 1, 2]) {
    await togetherAtLength(ranks, async () => {
      if (turn === own) result = await action();
    }, signal);
  }
  return result!;
}

/**
 * Runs something as {@linkcode together} does that may take some ranks hours longer than others. A call of MPI has a limit:
 * every so often all hear that it goes on.
 *
 * @param ranks The ranks, if there are several.
 * @param action What to do, without exchanges of its own.
 * @param signal As for {@linkcode together}.
 * @returns The action's result.
 * @throws {SharedFailure | SharedStop} As {@linkcode together}.
 */
export async function togetherAtLength<Result>(
  ranks: Communicator | undefined,
  action: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  if (!ranks) return await action();
  const result = Promise.try(action);
  let isBusy = true;
  const ended = Promise.allSettled([result]).then(() => isBusy = false);
  const agreed = new Int32Array(1);
  do {
    let timer;
    const pause = new Promise((resolve) => timer = setTimeout(resolve, LONGEST_CALL));
    await Promise.race([ended, pause]);
    clearTimeout(timer);
    agreed[0] = Number(isBusy);
    await ranks.largest(agreed);
  } while (agreed[0] > 0);
  return await together(ranks, () => result, signal);
}

/** Milliseconds after which ranks that wait for others hear of them. */
const LONGEST_CALL = 60_000;

/**
 * For each of several conditions, whether it holds on any rank.
 *
 * @param ranks The ranks, if there are several.
 * @param conditions Whether each holds on this rank.
 * @returns Whether each holds on any rank.
 */
export async function onAnyRank(ranks: Communicator | undefined, conditions: readonly boolean[]): Promise<boolean[]> {
  if (!ranks) return [...conditions];
  const agreed = Int32Array.from(conditions, Number);
  await ranks.largest(agreed);
  return Array.from(agreed, Boolean);
}

/**
 * The part of a sequence that is this rank's: contiguous, and as long as any other's but for one.
 *
 * @param ranks The ranks, if there are several.
 * @param length Length of the sequence.
 * @returns The range from `start` to before `end`.
 */
export function shareOf(
  ranks: Pick<Communicator, "rank" | "size"> | undefined,
  length: number,
): { start: number; end: number } {
  const { rank, size } = ranks ?? { rank: 0, size: 1 };
  return { start: Math.floor(rank * length / size), end: Math.floor((rank + 1) * length / size) };
}

/**
 * Brings a list together of which each rank has a part.
 *
 * @param ranks The ranks, if there are several.
 * @param length Length of the list.
 * @param own Numbers of this rank and where each stands in the list.
 * @returns The list, on every rank.
 */
export async function joinNumbers(
  ranks: Communicator | undefined,
  length: number,
  own: Iterable<readonly [place: number, value: number]>,
): Promise<Float64Array<ArrayBuffer>> {
  const all = new Float64Array(length);
  for (const [place, value] of own) all[place] = value;
  await ranks?.sum(all);
  return all;
}

/**
 * Gives all ranks a value of rank 0.
 *
 * @param ranks The ranks, if there are several.
 * @param value What JSON can hold, or undefined; the others' does not count.
 * @returns The value.
 */
export async function broadcastValue<Value>(
  ranks: Communicator | undefined,
  value: Value | undefined,
): Promise<Value | undefined> {
  if (!ranks) return value;
  const text = ranks.rank === 0 && value !== undefined ? new TextEncoder().encode(JSON.stringify(value)) : undefined;
  const length = Int32Array.of(text?.length ?? 0);
  await ranks.largest(length);
  if (length[0] === 0) return undefined;
  const bytes = text ?? new Uint8Array(length[0]);
  await ranks.broadcast(bytes);
  return JSON.parse(new TextDecoder().decode(bytes));
}

/**
 * Brings a value of each rank to rank 0.
 *
 * @param ranks The ranks.
 * @param value This rank's value, which JSON can hold.
 * @returns On rank 0 the values of all ranks in order; undefined on the others.
 */
export async function gatherValues<Value>(ranks: Communicator, value: Value): Promise<Value[] | undefined> {
  const text = new TextEncoder().encode(JSON.stringify(value));
  const length = Int32Array.of(text.length);
  await ranks.largest(length);
  // JSON ends before spaces.
  const padded = new Uint8Array(length[0]).fill(0x20);
  padded.set(text);
  const all = await ranks.gather(padded);
  return all?.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)));
}
