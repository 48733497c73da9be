/**
 * Whether the other ranks of this machine still live.
 *
 * A call of MPI that waits for a process which is gone waits for ever where messages go through shared memory, and launchers
 * differ in what they do: hydra kills the rest at once unless it is told not to, Open MPI's `mpirun` after a second or two,
 * `srun` only with `--kill-on-bad-exit=1`.
 *
 * @module
 */

import { openProcessTable } from "./libc.ts";

/** Another rank of this machine. */
export interface Peer {
  readonly rank: number;
  /** Number of its process. */
  readonly process: number;
}

/**
 * Watches processes, which need not be children of this one.
 *
 * @param peers The other ranks of this machine. Those that cannot be seen from here, as between containers, are not watched.
 * @returns The peers that have ended when it is called.
 */
export function watchPeers(peers: readonly Peer[]): () => Peer[] {
  const lives = openProcessTable();
  const watched = peers.filter(({ process }) => lives(process));
  return () => watched.filter(({ process }) => !lives(process));
}
