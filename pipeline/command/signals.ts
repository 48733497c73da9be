/**
 * Stopping a run by a signal, so that it ends where it can go on.
 *
 * @module
 */

/** Exit codes as shells have them, 128 and the signal's number. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGTERM", 143]];

/**
 * Milliseconds in which a signal that comes again is the same one: `mpiexec` and `deno task` both pass one on to a process
 * that already has it.
 */
const REPEAT = 500;

/**
 * Runs something that a first SIGINT or SIGTERM asks to stop; a second one, half a second later or more, ends the process at
 * once.
 *
 * @param action What to run.
 * @returns Its result, and the exit code of the signal that came, 0 without one.
 */
export async function withSignals<Result>(
  action: (signal: AbortSignal) => Promise<Result>,
): Promise<{ result: Result; code: number }> {
  const controller = new AbortController();
  let code = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = SIGNALS.map(([signal, exitCode]) => {
    const listener = () => {
      if (controller.signal.aborted) return;
      code = exitCode;
      controller.abort();
      timer = setTimeout(removeAll, REPEAT);
    };
    return { signal, listener };
  });
  const removeAll = () => listeners.forEach(({ signal, listener }) => Deno.removeSignalListener(signal, listener));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  try {
    return { result: await action(controller.signal), code };
  } finally {
    clearTimeout(timer);
    removeAll();
  }
}

/**
 * Runs something that fails when it is stopped, which then is no failure.
 *
 * @param signal What stops it.
 * @param action What to run.
 * @returns Its result; undefined if it was stopped.
 * @throws What it throws, unless it was stopped.
 */
export async function untilAborted<Result>(
  signal: AbortSignal,
  action: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
