/**
 * A training's state from rank 0 to all ranks.
 *
 * @module
 */

import type { Communicator } from "../command/mpi/communicator.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";

/**
 * Replaces what a state's tensors hold by what they hold on rank 0.
 *
 * @param ranks The ranks.
 * @param state The state, of the same tensors on all ranks.
 */
export async function shareState(ranks: Communicator, state: TrainingState): Promise<void> {
  for (const { data: { buffer, byteOffset, byteLength } } of state.values()) {
    await ranks.broadcast(new Uint8Array(buffer, byteOffset, byteLength));
  }
}
