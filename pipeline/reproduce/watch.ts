/**
 * Who watches the miniature, and how it is stopped.
 *
 * @module
 */

import { type Progress, progressLine, type WriteProgress } from "../command/progress.ts";
import { withSignals } from "../command/signals.ts";
import { printError } from "../command/terminal.ts";

/** Who watches the parts of the miniature. Each throws the signal's reason when that has ended it. */
export interface MiniatureWatch {
  readonly signal: AbortSignal;
  /** Told in a sentence what is being done. */
  tell(line: string): void;
  /** Told how far it is. */
  show(line: string): void;
  /** Makes what is told of each of some images. */
  counter(): (progress: WriteProgress) => void;
}

/**
 * Runs parts of the miniature until they are done or a signal stops them.
 *
 * @param options Whether it is quiet; `output` is the folder in which the same command goes on.
 * @param action The parts.
 * @returns The exit code: 0, or the signal's.
 */
export async function watched(
  { progress, quiet, output }: { readonly progress: Progress; readonly quiet: boolean; readonly output: string },
  action: (watch: MiniatureWatch) => Promise<void>,
): Promise<number> {
  const { result: isStopped, code } = await withSignals(async (signal) => {
    try {
      await action(watchOf(progress, { quiet, signal }));
      return false;
    } catch (error) {
      if (signal.aborted && error === signal.reason) return true;
      throw error;
    }
  });
  progress.end();
  if (!isStopped) return 0;
  printError(`Stopped: the same command goes on in "${output}"`);
  return code;
}

function watchOf(
  progress: Progress,
  { quiet, signal }: { readonly quiet: boolean; readonly signal: AbortSignal },
): MiniatureWatch {
  if (quiet) return { signal, tell() {}, show() {}, counter: () => () => {} };
  const show = (line: string) => progress.show(line, false);
  return {
    signal,
    tell: progress.print,
    show,
    counter() {
      const started = performance.now();
      return (state) => show(progressLine(state, (performance.now() - started) / 1000));
    },
  };
}
