/**
 * Functions that run in a thread of their own, one call after the other, so that long work does not hold up the thread
 * that drives the device.
 *
 * Deno reads files of `node:fs` elsewhere, but decompresses Zstandard on the thread that asks, also by the functions that
 * give promises (Deno 2.9: an asynchronous `zstdDecompress` of 200 MB holds all timers up until it is done).
 *
 * @module
 */

import { parentPort, Worker } from "node:worker_threads";

/** Functions by name. Arrays that one returns are moved out of the thread: they must be the caller's own. */
// deno-lint-ignore no-explicit-any -- what they take and give is known where they are called
export type ThreadFunctions = Readonly<Record<string, (...values: any[]) => unknown>>;

/** Calls functions in their thread. */
export type CallThread<Functions extends ThreadFunctions> = <Name extends keyof Functions & string>(
  name: Name,
  ...values: Parameters<Functions[Name]>
) => Promise<Awaited<ReturnType<Functions[Name]>>>;

type Reply = { readonly value: unknown } | { readonly error: { name: string; message: string; code?: unknown } };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * A thread that starts with the first call and does not keep the process running. If it fails, its calls are rejected and
 * the next one starts another.
 *
 * @param script The module that serves the functions, by {@linkcode serveThread}.
 * @param subject How the message starts if it fails: `Cannot read label maps`.
 * @returns What calls them; errors are of the classes that they were thrown as.
 */
export function lazyThread<Functions extends ThreadFunctions>(script: URL, subject: string): CallThread<Functions> {
  let thread: { readonly worker: Worker; readonly waiting: Waiting[] } | undefined;

  function start(): NonNullable<typeof thread> {
    const worker = new Worker(script);
    const waiting: Waiting[] = [];
    worker.on("message", (reply: Reply) => {
      const { resolve, reject } = waiting.shift()!;
      if (waiting.length === 0) worker.unref();
      if ("value" in reply) resolve(reply.value);
      else reject(errorOf(reply.error));
    });
    worker.on("error", (error: Error) => {
      thread = undefined;
      for (const { reject } of waiting) reject(new Error(`${subject}: its thread stopped (${error.message})`));
    });
    return { worker, waiting };
  }

  return (name, ...values) =>
    new Promise((resolve, reject) => {
      const { worker, waiting } = thread ??= start();
      worker.postMessage({ name, values });
      worker.ref();
      waiting.push({ resolve: resolve as Waiting["resolve"], reject });
    });
}

/**
 * Answers the calls of {@linkcode lazyThread}, in a thread's module, one after the other.
 *
 * @param functions The functions. Where one gives a promise, callers wait for it before their next call: answers are told
 *   apart by their order alone.
 */
export function serveThread(functions: ThreadFunctions): void {
  parentPort!.on("message", ({ name, values }: { name: string; values: unknown[] }) => {
    const reply = (reply: Reply) => parentPort!.postMessage(reply, [...new Set(buffersOf(reply))]);
    const fail = (thrown: unknown) => {
      const { message, constructor, code } = thrown as Error & { code?: unknown };
      reply({ error: { name: constructor.name, message, code } });
    };
    try {
      const value = functions[name](...values);
      if (value instanceof Promise) value.then((value) => reply({ value }), fail);
      else reply({ value });
    } catch (thrown) {
      fail(thrown);
    }
  });
}

function errorOf({ name, message, code }: { name: string; message: string; code?: unknown }): Error {
  const classes: Readonly<Record<string, unknown>> = { TypeError, RangeError, ...Deno.errors };
  const Kind = (classes[name] ?? Error) as new (message: string) => Error;
  return Object.assign(new Kind(message), code === undefined ? {} : { code });
}

/** The memory of all arrays in a value. */
function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value) && typeof value[0] !== "object") return [];
  return Object.values(value).flatMap(buffersOf);
}
