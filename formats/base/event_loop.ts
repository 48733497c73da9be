/**
 * Long work that only awaits what is there already never lets an event in: no signal is heard, no timer fires.
 *
 * Work that awaits nothing is written as a generator that yields after each piece of it, so that the same lines can be done
 * at once or piece by piece. A piece is counted in what is done, not by the clock: {@linkcode PIECE} steps of a loop.
 *
 * @module
 */

/** Milliseconds of work between two turns. */
const TURN = 50;

/** Steps of a loop in a piece of work, each some nanoseconds: a piece takes some milliseconds. */
export const PIECE = 2 ** 20;

/** Work that yields after each piece, and then gives its result. */
export type Pieces<Result> = Generator<undefined, Result, undefined>;

let lastTurn = 0;

/** Lets waiting events in, if that was not done lately: to be awaited in every loop that may be long. */
export async function letEventsIn(): Promise<void> {
  if (performance.now() - lastTurn < TURN) return;
  await new Promise((resolve) => setTimeout(resolve));
  lastTurn = performance.now();
}

/**
 * Does work at once.
 *
 * @param work What to do.
 * @returns The work's result.
 */
export function atOnce<Result>(work: Pieces<Result>): Result {
  while (true) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Does work piece by piece, and lets events in between. Work of one piece is done before this returns.
 *
 * @param work What to do.
 * @param check Called after events were let in; what it throws ends the work.
 * @returns The work's result.
 * @throws What the work throws, or `check`.
 */
export async function inPieces<Result>(work: Pieces<Result>, check: () => void): Promise<Result> {
  while (true) {
    const { done, value } = work.next();
    if (done) return value;
    await letEventsIn();
    check();
  }
}
