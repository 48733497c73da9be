/**
 * Decoding in workers, apart from the isolate that drives the GPU, whose waits would block it.
 *
 * The workers need `--allow-read` for the images, and `--allow-ffi` for the native decoder; without it they use the one in
 * WebAssembly (load_decoder.ts).
 *
 * @module
 */

import { type DecodedImage, releaseBytes } from "../base/pixels.ts";
import type { StoredImage } from "./image_source.ts";
import type { DecodeReply, DecodeRequest } from "./decode_worker.ts";
import { createMemoryBudget } from "./memory_budget.ts";
import { numberOf } from "../base/number_of.ts";

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
  /** Decodes an image, whose pixels count among the pool's memory until they are let go. */
  hold(image: StoredImage): Promise<HeldImage>;
  /** Ends the workers, each when the image that it decodes is done; what still waits is rejected. */
  close(): void;
}

/** A decoded image of which the caller says when it is taken out of the pool's memory. */
export interface HeldImage {
  readonly decoded: DecodedImage;
  /** Says that others may be decoded in its place; to be called once. */
  letGo(): void;
}

/** How a pool decodes. */
export interface DecodePoolOptions {
  /** Whether images are turned as their EXIF orientation says; default false. */
  readonly exifOrientation?: boolean;
  /**
   * Bytes that images take together at most while they are read and decoded, and until they are let go; one image that
   * needs more is decoded alone. Default {@linkcode poolMemory}.
   */
  readonly memory?: number;
  /** The workers' module, which answers as `decode_worker.ts` does. */
  readonly script?: URL;
}

interface Job {
  readonly image: DecodeRequest["image"];
  readonly work: number;
  readonly resolve: (held: HeldImage) => void;
  readonly reject: (reason: Error) => void;
  /**
   * Whether a worker that holds it is to hold nothing else: after one stopped that held several, so that it is known which
   * did it; and where its bytes are moved, since they are gone if the worker stops.
   */
  readonly alone: boolean;
}

/**
 * Images that a worker holds, the one it decodes included: enough to keep it busy while a wait for the GPU blocks the
 * isolate that hands them out.
 */
const JOBS_OF_A_WORKER = 4;

/** Bytes of an encoded image that are copied to a worker; those of a larger one are moved. */
const LARGEST_COPY = 2 ** 24;

const DECODE_WORKER = new URL("./decode_worker.ts", import.meta.url);

/**
 * Bytes that a pool takes unless it is told otherwise: 64 MiB for each worker, which is what four photographs of 5
 * megapixels are, and 512 MiB at least, which is about the largest image that is decoded.
 *
 * @param workers Workers of the pool.
 * @returns The budget in bytes.
 */
export function poolMemory(workers: number): number {
  return Math.max(workers * 2 ** 26, 2 ** 29);
}

/**
 * Starts workers. One that stops with an error (as when it runs out of memory) costs the image it had, which is rejected
 * with the error, and is replaced; only a fault that kills the whole process is beyond it.
 *
 * @param workers How many, at least 1; the cores that the GPU's driver leaves free are a good number.
 * @param options What to change.
 * @returns The pool; close it.
 * @throws {RangeError} If `workers` is not a positive integer.
 */
export function openDecodePool(workers: number, options: DecodePoolOptions = {}): DecodePool {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`Cannot start ${workers} decode workers: at least 1 is needed`);
  }
  const { exifOrientation = false, memory: limit = poolMemory(workers), script = DECODE_WORKER } = options;
  const budget = createMemoryBudget(workers);
  /** Numbers of the images that are not done, in order. */
  const unsettled = new Set<number>();
  let works = 0;
  const waiting: Job[] = [];
  /** What each worker that is ready holds, in the order in which it answers. */
  const held = new Map<Worker, Job[]>();
  /** Workers and their shares of the memory. */
  const started = new Map<Worker, number>();
  let failure: Error | null = null;
  try {
    for (let share = 0; share < workers; share++) start(share);
  } catch (error) {
    for (const worker of started.keys()) worker.terminate();
    throw error;
  }

  function start(share: number): void {
    const worker = new Worker(script, { type: "module" });
    started.set(worker, share);
    worker.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
      if ("missing" in data) return fail(new Deno.errors.NotSupported(data.missing));
      if ("ready" in data) held.set(worker, []);
      else settle(held.get(worker)?.shift(), data);
      if (failure) endIdleWorkers();
      assign();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      started.delete(worker);
      budget.giveBackShare(share);
      if (failure) return;
      const jobs = held.get(worker);
      if (!jobs) return fail(new Deno.errors.NotSupported(`Cannot start a decode worker: ${event.message}`));
      held.delete(worker);
      if (jobs.length > 1) waiting.unshift(...jobs.map((job) => ({ ...job, alone: true })));
      else settle(jobs[0], { reason: `Cannot decode image: the decode worker stopped (${event.message})` });
      start(share);
      assign();
    };
  }

  /** Tells the workers which image may take memory whatever is taken. */
  function announceFirst(): void {
    const [first = works] = unsettled;
    budget.setFirst(first);
  }

  function settle(job: Job | undefined, reply: { decoded: DecodedImage } | { reason: string }): void {
    if (!job) return;
    unsettled.delete(job.work);
    announceFirst();
    if (!("path" in job.image)) releaseBytes(job.image);
    if ("reason" in reply) return job.reject(new Error(reply.reason));
    const { decoded } = reply;
    const { length } = decoded.pixels;
    job.resolve({ decoded, letGo: () => budget.giveBack(length) });
  }

  function assign(): void {
    while (waiting.length > 0) {
      const most = waiting[0].alone ? 1 : JOBS_OF_A_WORKER;
      const free = [...held].filter(([, jobs]) => jobs.length < most && !jobs.some(({ alone }) => alone));
      if (free.length === 0) return;
      const [worker, jobs] = free.reduce((least, one) => one[1].length < least[1].length ? one : least);
      const job = waiting.shift()!;
      const { image, work } = job;
      const memory = { words: budget.words, share: started.get(worker)!, limit };
      try {
        worker.postMessage({ image, exifOrientation, work, memory } satisfies DecodeRequest, movedBuffers(image));
      } catch (error) {
        // It holds nothing of this one: the next answer is that of another.
        settle(job, {
          reason: `Cannot decode image: its bytes cannot be handed to a worker (${(error as Error).message})`,
        });
        continue;
      }
      jobs.push(job);
    }
  }

  function fail(error: Error): void {
    failure ??= error;
    budget.close();
    for (const job of [...held.values(), waiting].flat()) job.reject(failure);
    waiting.length = 0;
    endIdleWorkers();
  }

  /** The native decoder goes on when its worker is ended, and would read bytes that are freed with that. */
  function endIdleWorkers(): void {
    for (const worker of started.keys()) {
      if ((held.get(worker)?.length ?? 0) > 0) continue;
      worker.terminate();
      started.delete(worker);
    }
  }

  function hold({ bytes }: StoredImage): Promise<HeldImage> {
    if (failure) return Promise.reject(failure);
    if ("unreadable" in bytes) return Promise.reject(new Error(bytes.unreadable));
    return new Promise((resolve, reject) => {
      const work = works++;
      unsettled.add(work);
      announceFirst();
      waiting.push({ image: bytes, work, resolve, reject, alone: movedBuffers(bytes).length > 0 });
      assign();
    });
  }

  return {
    async decode(image) {
      const { decoded, letGo } = await hold(image);
      letGo();
      return decoded;
    },
    hold,
    close: () => fail(new Deno.errors.NotSupported("Cannot decode image: the decode pool is closed")),
  };
}

/** The buffer that goes to the worker with a large image, whose copy would take as much memory again. */
function movedBuffers(image: DecodeRequest["image"]): ArrayBuffer[] {
  return "path" in image || image.length <= LARGEST_COPY || image.length < image.buffer.byteLength
    ? []
    : [image.buffer];
}

/** An image with its pixels, or with the reason why it has none. */
export type DecodeResult =
  | { readonly image: StoredImage; readonly decoded: DecodedImage }
  | { readonly image: StoredImage; readonly reason: string };

/** Bytes of encoded images in hand that are read ahead, besides the last one. */
const ENCODED_AHEAD = 2 ** 26;

/**
 * Decodes a source's images in parallel and gives them in the source's order.
 *
 * At most `ahead` images are in memory besides the one given out, and less if they are large: encoded ones in hand take at
 * most 64 MiB and one more, decoded ones what the pool's memory allows. If the source itself fails, the images it gave
 * before are given first, then its error is thrown.
 *
 * @param images The images.
 * @param pool Where to decode; it stays open.
 * @param options `ahead`: images read ahead of the one given out, at least 1; below the number of workers some are idle.
 * @returns The images in order, each with its pixels or the reason why it has none.
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
    throw new RangeError(`Cannot read ${numberOf(ahead, "image")} ahead: at least 1 is needed`);
  }
  const source = images[Symbol.asyncIterator]();
  const pending: PendingImage[] = [];
  let encoded = 0;
  let ended = false;
  let sourceError: unknown;
  try {
    while (true) {
      while (!ended && pending.length < ahead && encoded < ENCODED_AHEAD) {
        try {
          const next = await source.next();
          if (next.done) ended = true;
          else {
            const bytes = next.value.bytes instanceof Uint8Array ? next.value.bytes.length : 0;
            encoded += bytes;
            pending.push({ bytes, result: holdOne(next.value, pool) });
          }
        } catch (error) {
          ended = true;
          sourceError = error;
        }
      }
      const next = pending.shift();
      if (!next) break;
      const { image, outcome } = await next.result;
      encoded -= next.bytes;
      if ("letGo" in outcome) outcome.letGo();
      yield "decoded" in outcome ? { image, decoded: outcome.decoded } : { image, reason: outcome.reason };
    }
    if (sourceError !== undefined) throw sourceError;
  } finally {
    if (!ended) await source.return?.();
    for (const { result } of pending) result.then(({ outcome }) => "letGo" in outcome && outcome.letGo(), () => {});
  }
}

/** An image on its way, and how many bytes in hand it has. */
interface PendingImage {
  readonly bytes: number;
  readonly result: Promise<{ image: StoredImage; outcome: HeldImage | { reason: string } }>;
}

function holdOne(image: StoredImage, pool: DecodePool): PendingImage["result"] {
  const result = pool.hold(image).then((outcome) => ({ image, outcome }), (error: Error) => {
    if (error instanceof Deno.errors.NotSupported) throw error;
    return { image, outcome: { reason: error.message } };
  });
  // A failure of the pool is thrown in its turn, not as an unhandled rejection before.
  result.catch(() => {});
  return result;
}
