/**
 * A decode worker that answers a path with one pixel, waits as many milliseconds as the path says, and stops with an
 * error where it says `crash`.
 *
 * @module
 */

/// <reference lib="deno.worker" />

let last = Promise.resolve();
self.onmessage = ({ data: { image: { path } } }: MessageEvent<{ image: { path: string } }>) => {
  last = last.then(() =>
    new Promise((done) =>
      setTimeout(() => {
        if (path === "crash") throw new Error("out of memory");
        self.postMessage({ decoded: { width: 1, height: 1, pixels: new Uint8Array([Number(path), 0, 0]) } });
        done();
      }, Number(path) || 0)
    )
  );
};
self.postMessage({ ready: true });
