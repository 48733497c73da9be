/**
 * Work that takes memory, a few at a time.
 *
 * @module
 */

/** Runs work when it is its turn; work that nobody waits for any more is left out. */
export type Turns = <Result>(signal: AbortSignal, work: () => Promise<Result>) => Promise<Result>;

/**
 * Makes a queue.
 *
 * @param most How many run at once.
 * @returns Runs work.
 */
export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (signal, work) => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
