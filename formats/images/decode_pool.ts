/**
 * Decoding in workers, apart from the isolate that drives the GPU, whose waits would block it.
 *
 * The workers need `--allow-read` for the images, `--allow-ffi` for the native decoder, and on Linux
 * `--allow-env=npm_package_config_libvips,MALLOC_ARENA_MAX`, which that decoder's package looks at; no `--allow-sys`.
 *
 * @module
 */

import type { DecodedImage } from "./decode.ts";
import type { DecodeReply, DecodeRequest } from "./decode_worker.ts";
import type { StoredImage } from "./source.ts";

/** Workers that decode. */
export interface DecodePool {
  /**
   * Decodes an image in the next free worker; images wait in the order of the calls. Bytes in hand move to the worker with
   * their whole buffer, so that memory does not wait for the collector: the image has none afterwards.
   *
   * @throws {Error} If this image cannot be decoded; the message is its reason.
   * @throws {Deno.errors.NotSupported} If no image can be: the decoder cannot be loaded, or the pool is closed.
   */
  decode(image: StoredImage): Promise<DecodedImage>;
  /** Ends the workers; what still waits is rejected. */
  close(): void;
}

interface Job {
  readonly request: DecodeRequest;
  readonly resolve: (decoded: DecodedImage) => void;
  readonly reject: (reason: Error) => void;
}

const DECODE_WORKER = new URL("./decode_worker.ts", import.meta.url);

/**
 * Starts workers. One that stops with an error (as when it runs out of memory) costs the image it had, which is rejected
 * with the error, and is replaced; only a fault that kills the whole process is beyond it.
 *
 * @param workers How many, at least 1; the cores that the GPU's driver leaves free are a good number.
 * @param script The workers' module, which answers as `decode_worker.ts` does.
 * @returns The pool; close it.
 * @throws {RangeError} If `workers` is not a positive integer.
 */
export function openDecodePool(workers: number, script: URL = DECODE_WORKER): DecodePool {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`Cannot start ${workers} decode workers: at least 1 is needed`);
  }
  const waiting: Job[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Job>();
  const started = new Set<Worker>();
  let failure: Error | null = null;
  for (let count = 0; count < workers; count++) start();

  function start(): void {
    const worker = new Worker(script, { type: "module" });
    started.add(worker);
    let ready = false;
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      if ("missing" in data) return fail(new Deno.errors.NotSupported(data.missing));
      ready = true;
      if (!("ready" in data)) {
        const job = busy.get(worker);
        busy.delete(worker);
        if ("decoded" in data) job?.resolve(data.decoded);
        else job?.reject(new Error(data.reason));
      }
      idle.push(worker);
      assign();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      started.delete(worker);
      if (failure) return;
      if (!ready) return fail(new Deno.errors.NotSupported(`Cannot start a decode worker: ${event.message}`));
      if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
      busy.get(worker)?.reject(new Error(`Cannot decode image: the decode worker stopped (${event.message})`));
      busy.delete(worker);
      start();
    };
  }

  function assign(): void {
    while (idle.length > 0 && waiting.length > 0) {
      const worker = idle.shift()!;
      const job = waiting.shift()!;
      busy.set(worker, job);
      worker.postMessage(job.request, "path" in job.request ? [] : [job.request.buffer]);
    }
  }

  function fail(error: Error): void {
    failure ??= error;
    for (const worker of started) worker.terminate();
    for (const job of [...busy.values(), ...waiting]) job.reject(failure);
    busy.clear();
    waiting.length = 0;
    idle.length = 0;
  }

  return {
    decode({ bytes }) {
      if (failure) return Promise.reject(failure);
      if ("unreadable" in bytes) return Promise.reject(new Error(bytes.unreadable));
      return new Promise((resolve, reject) => {
        waiting.push({ request: bytes, resolve, reject });
        assign();
      });
    },
    close: () => fail(new Deno.errors.NotSupported("Cannot decode image: the decode pool is closed")),
  };
}

/** An image with its pixels, or with the reason why it has none. */
export type DecodeResult =
  | { readonly image: StoredImage; readonly decoded: DecodedImage }
  | { readonly image: StoredImage; readonly reason: string };

/**
 * Decodes a source's images in parallel and gives them in the source's order.
 *
 * At most `ahead` images are in memory besides the one given out. If the source itself fails, the images it gave before
 * are given first, then its error is thrown.
 *
 * @param images The images.
 * @param pool Where to decode; it stays open.
 * @param options `ahead`: images read ahead of the one given out, at least 1; below the number of workers some are idle.
 * @returns Each image with its pixels or its reason.
 * @throws {RangeError} If `ahead` is not a positive integer.
 * @throws {Deno.errors.NotSupported} If the pool cannot decode any image.
 */
export async function* decodeImages(
  images: AsyncIterable<StoredImage>,
  pool: DecodePool,
  options: { ahead: number },
): AsyncGenerator<DecodeResult> {
  const { ahead } = options;
  if (!Number.isInteger(ahead) || ahead < 1) {
    throw new RangeError(`Cannot read ${ahead} images ahead: at least 1 is needed`);
  }
  const source = images[Symbol.asyncIterator]();
  const pending: Promise<DecodeResult>[] = [];
  let ended = false;
  let sourceError: unknown;
  try {
    while (true) {
      while (!ended && pending.length < ahead) {
        try {
          const next = await source.next();
          if (next.done) ended = true;
          else pending.push(decodeOne(next.value, pool));
        } catch (error) {
          ended = true;
          sourceError = error;
        }
      }
      const next = pending.shift();
      if (!next) break;
      yield await next;
    }
    if (sourceError !== undefined) throw sourceError;
  } finally {
    if (!ended) await source.return?.();
  }
}

function decodeOne(image: StoredImage, pool: DecodePool): Promise<DecodeResult> {
  const result = pool.decode(image).then((decoded) => ({ image, decoded }), (error: Error) => {
    if (error instanceof Deno.errors.NotSupported) throw error;
    return { image, reason: error.message };
  });
  // A failure of the pool is thrown in its turn, not as an unhandled rejection before.
  result.catch(() => {});
  return result;
}
