/**
 * Images that cannot be decoded: found on any rank, listed by rank 0.
 *
 * @module
 */

import type { RejectedImage } from "../../formats/labels/mod.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { gatherValues } from "../command/shared_work.ts";

/** Where rejected images are reported. */
export interface Rejections {
  /** Reports one, as often as it is found. */
  add(image: RejectedImage): void;
  /** Brings those of all ranks to the list; all ranks call it at the same place. */
  share(): Promise<void>;
}

/**
 * Makes what rejected images are reported to.
 *
 * @param list Puts one on the list; only called on rank 0.
 * @param ranks The ranks, if there are several.
 * @returns The reports; without other ranks each is listed at once.
 */
export function collectRejections(list: (image: RejectedImage) => void, ranks?: Communicator): Rejections {
  if (!ranks) return { add: list, share: () => Promise.resolve() };
  let found: RejectedImage[] = [];
  return {
    add: (image) => void found.push(image),
    async share() {
      const own = found;
      found = [];
      const all = await gatherValues(ranks, own);
      all?.flat().forEach(list);
    },
  };
}
