/**
 * A decode worker that answers a path with one pixel, waits as many milliseconds as the path says, and stops with an
 * error where it says `crash`.
 *
 * @module
 */

/// <reference lib="deno.worker" />

self.onmessage = ({ data: { path } }: MessageEvent<{ path: string }>) => {
  if (path === "crash") throw new Error("out of memory");
  const pixels = new Uint8Array([Number(path), 0, 0]);
  setTimeout(() => self.postMessage({ decoded: { width: 1, height: 1, pixels } }), Number(path));
};
self.postMessage({ ready: true });
