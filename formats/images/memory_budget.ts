/**
 * Memory that threads take from together: a number of bytes in a `SharedArrayBuffer`, so that a thread which has to wait
 * for some does not depend on another one being free to answer.
 *
 * Work is numbered in its order. What does not fit waits until something is given back, except the first piece of work
 * that is not done: it takes what it needs at once, since what others hold may only be given back after it. So at most the
 * limit and one piece of work are taken.
 *
 * @module
 */

/** KiB taken in all, the number of the first work that is not done, a count of changes to wait for, and whether it is closed. */
const [TAKEN, FIRST, CHANGES, CLOSED, SHARES] = [0, 1, 2, 3, 4];
const UNIT = 1024;
/** Milliseconds. */
const LONGEST_WAIT = 50;

/** The one who counts. */
export interface MemoryBudget {
  /** To be handed to other threads. */
  readonly words: SharedArrayBuffer;
  /** Bytes taken at the moment, in whole KiB. */
  readonly taken: number;
  /** Says which work is the first that is not done. */
  setFirst(work: number): void;
  /** Gives back bytes that a thread left to the caller. */
  giveBack(bytes: number): void;
  /** Gives back what a thread that stopped had taken. */
  giveBackShare(share: number): void;
  /** Lets no thread take any more. */
  close(): void;
}

/** What a thread takes. */
export interface MemoryShare {
  /**
   * Takes bytes for a piece of work as soon as they are free; the thread waits.
   *
   * @throws {Error} If the budget is closed.
   */
  take(bytes: number, work: number): void;
  /** Gives back all but some bytes, which are the other side's from then on. */
  leave(bytes: number): void;
}

/**
 * Makes a budget.
 *
 * @param shares Threads that take from it.
 * @returns The budget; nothing is taken.
 */
export function createMemoryBudget(shares: number): MemoryBudget {
  const words = new Int32Array(new SharedArrayBuffer((SHARES + shares) * 4));
  return {
    words: words.buffer,
    get taken() {
      return Atomics.load(words, TAKEN) * UNIT;
    },
    setFirst(work) {
      Atomics.store(words, FIRST, work);
      announce(words);
    },
    giveBack: (bytes) => giveBack(words, units(bytes)),
    giveBackShare: (share) => giveBack(words, Atomics.exchange(words, SHARES + share, 0)),
    close() {
      Atomics.store(words, CLOSED, 1);
      announce(words);
    },
  };
}

/**
 * A thread's part in a budget.
 *
 * @param buffer The budget's words.
 * @param share Which of its shares, from 0.
 * @param limit Bytes that are taken together at most, unless the first work alone needs more.
 * @returns What takes and gives back.
 */
export function shareMemory(buffer: SharedArrayBuffer, share: number, limit: number): MemoryShare {
  const words = new Int32Array(buffer);
  return {
    take(bytes, work) {
      const wanted = units(bytes);
      while (true) {
        const changes = Atomics.load(words, CHANGES);
        if (Atomics.load(words, CLOSED)) throw new Error("Cannot decode image: the decode pool is closed");
        const taken = Atomics.load(words, TAKEN);
        if (taken + wanted > units(limit) && Atomics.load(words, FIRST) !== work) {
          // Not for long at once: a thread that is ended meanwhile must notice. (Deno 2.9 never resolves waitAsync.)
          Atomics.wait(words, CHANGES, changes, LONGEST_WAIT);
        } else if (Atomics.compareExchange(words, TAKEN, taken, taken + wanted) === taken) break;
      }
      Atomics.add(words, SHARES + share, wanted);
    },
    leave(bytes) {
      giveBack(words, Atomics.exchange(words, SHARES + share, 0) - units(bytes));
    },
  };
}

function units(bytes: number): number {
  return Math.ceil(bytes / UNIT);
}

function giveBack(words: Int32Array, count: number): void {
  Atomics.sub(words, TAKEN, count);
  announce(words);
}

function announce(words: Int32Array): void {
  Atomics.add(words, CHANGES, 1);
  Atomics.notify(words, CHANGES);
}
