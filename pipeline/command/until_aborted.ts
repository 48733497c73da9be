/**
 * Waits that end when a run is to stop, whatever they wait for: a source may unpack gigabytes before it gives its next
 * image.
 *
 * @module
 */

/**
 * Waits for a result unless a run is to stop. What makes the result goes on by itself.
 *
 * @param result What to wait for.
 * @param signal Stops the run; without one this is the result itself.
 * @returns The result.
 * @throws {unknown} The signal's reason, as soon as it is aborted.
 */
export function unlessAborted<Result>(result: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return result;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    result.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/**
 * Whether an error is that a run was to stop.
 *
 * @param error What was thrown.
 * @param signal What stops the run.
 * @returns True for the reason of a signal that was aborted.
 */
export function isAbort(error: unknown, signal?: AbortSignal): boolean {
  return signal !== undefined && signal.aborted && error === signal.reason;
}

/**
 * Passes values on until a run is to stop. A source that is asked for its next value then is left to itself, and closed
 * when it gives it.
 *
 * @param values The sequence.
 * @param signal Stops the run.
 * @returns The values.
 * @throws {unknown} The signal's reason, as soon as it is aborted.
 */
export async function* untilAborted<Value>(values: AsyncIterable<Value>, signal?: AbortSignal): AsyncGenerator<Value> {
  const source = values[Symbol.asyncIterator]();
  let isAtRest = true;
  try {
    while (true) {
      isAtRest = false;
      const next = await unlessAborted(source.next(), signal);
      isAtRest = true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    const closed = source.return?.();
    if (isAtRest) await closed;
    else closed?.catch(() => {});
  }
}
