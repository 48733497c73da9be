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
import { releaseBytes } from "./pixels.ts";
import type { StoredImage } from "./source.ts";

/** Workers that decode. */
export interface DecodePool {
  /**
   * Decodes an image in the next free worker; images wait in the order of the calls. Bytes in hand are released when the
   * image is done, so that memory does not wait for the collector: the image has none afterwards.
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
  /** Set after a worker stopped that held it with others: the next one holds nothing else, so that it is known which did it. */
  alone?: boolean;
}

/**
 * Images that a worker holds, the one it decodes included: enough to keep it busy while a wait for the GPU blocks the
 * isolate that hands them out.
 */
const JOBS_OF_A_WORKER = 4;

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
  /** What each worker that is ready holds, in the order in which it answers. */
  const held = new Map<Worker, Job[]>();
  const started = new Set<Worker>();
  let failure: Error | null = null;
  for (let count = 0; count < workers; count++) start();

  function start(): void {
    const worker = new Worker(script, { type: "module" });
    started.add(worker);
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      if ("missing" in data) return fail(new Deno.errors.NotSupported(data.missing));
      if ("ready" in data) held.set(worker, []);
      else settle(held.get(worker)?.shift(), data);
      assign();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      started.delete(worker);
      if (failure) return;
      const jobs = held.get(worker);
      if (!jobs) return fail(new Deno.errors.NotSupported(`Cannot start a decode worker: ${event.message}`));
      held.delete(worker);
      if (jobs.length > 1) waiting.unshift(...jobs.map((job) => ({ ...job, alone: true })));
      else settle(jobs[0], { reason: `Cannot decode image: the decode worker stopped (${event.message})` });
      start();
      assign();
    };
  }

  function settle(job: Job | undefined, reply: { decoded: DecodedImage } | { reason: string }): void {
    if (!job) return;
    if (!("path" in job.request)) releaseBytes(job.request);
    if ("decoded" in reply) job.resolve(reply.decoded);
    else job.reject(new Error(reply.reason));
  }

  function assign(): void {
    while (waiting.length > 0) {
      const most = waiting[0].alone ? 1 : JOBS_OF_A_WORKER;
      const free = [...held].filter(([, jobs]) => jobs.length < most && !jobs.some(({ alone }) => alone));
      if (free.length === 0) return;
      const [worker, jobs] = free.reduce((least, one) => one[1].length < least[1].length ? one : least);
      const job = waiting.shift()!;
      jobs.push(job);
      worker.postMessage(job.request);
    }
  }

  function fail(error: Error): void {
    failure ??= error;
    for (const worker of started) worker.terminate();
    for (const job of [...held.values(), waiting].flat()) job.reject(failure);
    held.clear();
    waiting.length = 0;
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
