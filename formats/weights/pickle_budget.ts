/**
 * What reading a pickle may cost: a few bytes can ask for a copy of all that was read before, and again.
 *
 * Costs are bytes of memory, about as many as V8 takes for each thing. They are counted before the thing is made, and also
 * bound the time, as every step of the reading costs something.
 *
 * @module
 */

import { unreadable } from "../base/files.ts";

/** Bytes that are left. */
export interface PickleBudget {
  /**
   * @param cost Bytes that are about to be taken.
   * @throws {TypeError} If they are more than are left.
   */
  spend(cost: number): void;
}

/** What things cost, bytes. */
export const PICKLE_COSTS = {
  /** A step, with the number that it may leave. */
  opcode: 16,
  /** A list or an object, without what is in it. */
  object: 200,
  dictionary: 250,
  /** An item of a list that is copied, or of a dictionary. */
  item: 80,
  /** A text, without its characters. */
  text: 64,
  /** Bytes, or a number of many digits, without what is in it. */
  bytes: 400,
  /** A name that is looked up. */
  name: 400,
} as const;

/** Far above what checkpoints take, whose tensors are not in the pickle: that of a large network is 1 MB. */
const LIMIT = 192 << 20;

/**
 * A full budget.
 *
 * @param path The file, for the message.
 * @returns The budget, for all pickles of the file.
 */
export function pickleBudget(path: string): PickleBudget {
  let left = LIMIT;
  return {
    spend(cost) {
      left -= cost;
      if (left < 0) {
        throw unreadable(path, `its pickle asks for more than ${LIMIT >> 20} MB of objects beside the tensors`);
      }
    },
  };
}
