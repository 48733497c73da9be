/**
 * A thread of `thread_test.ts`.
 *
 * @module
 */

import { serveThread } from "../../../formats/base/thread.ts";

const functions = {
  sum: (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0),
  arrays: (length: number) => ({ whole: new Float32Array(length).fill(3), parts: [{ bytes: new Uint8Array(length) }] }),
  open: (path: string) => void Deno.openSync(path),
  refuse: (kind: "TypeError" | "RangeError" | "Error") => {
    throw new { TypeError, RangeError, Error }[kind](`It is a ${kind}`);
  },
  stop() {
    queueMicrotask(() => {
      throw new Error("Enough");
    });
  },
};

export type TestFunctions = typeof functions;

serveThread(functions);
