/**
 * What a command does that may be started as several ranks, by `mpiexec` or `srun`.
 *
 * @module
 */

import { exitCodeOf } from "./command_line.ts";
import { type Communicator, openCommunicator } from "./mpi/communicator.ts";
import type { Command } from "./option_table.ts";
import { type Progress, showProgress, silentProgress } from "./progress.ts";
import { SharedFailure, together } from "./shared_work.ts";
import { answer, runCommand } from "./run_command.ts";
import { printError, printText } from "./terminal.ts";

/**
 * Runs a command as {@linkcode runCommand} does, on every rank where a launcher started several: only rank 0 shows progress
 * and help, and an error is one sentence by one rank, which ends all of them.
 *
 * @param args Its arguments, the same on all ranks.
 * @param command How arguments are read, the help, and the work, which gives the exit code.
 * @returns The exit code, the same on all ranks.
 */
export async function runOnRanks<Options extends object>(
  args: readonly string[],
  command: Pick<Command<Options>, "help" | "read"> & {
    run(options: Options, progress: Progress, ranks?: Communicator): Promise<number>;
  },
): Promise<number> {
  let ranks: Communicator | undefined;
  try {
    ranks = await openCommunicator();
  } catch (error) {
    printError((error as Error).message);
    return 1;
  }
  if (!ranks) return await runCommand(args, command);
  const progress = ranks.rank === 0 ? showProgress() : silentProgress;
  try {
    const code = await runHere(ranks, progress);
    await ranks.close();
    return code;
  } catch (error) {
    // The others do not know of it, and may wait for this rank.
    progress.end();
    printError((error as Error).message);
    return ranks.abort(exitCodeOf(error));
  }

  /** What all ranks come to together. */
  async function runHere(ranks: Communicator, progress: Progress): Promise<number> {
    try {
      const options = await together(ranks, () => command.read(args));
      if (typeof options !== "string") return await command.run(options, progress, ranks);
      if (ranks.rank === 0) printText(answer(options, command.help));
      return 0;
    } catch (error) {
      if (!(error instanceof SharedFailure)) throw error;
      progress.end();
      if (error.cause !== undefined) printError((error.cause as Error).message);
      return error.code;
    }
  }
}
