/**
 * Stored images through the device: decoded in workers, computed in steps of which several are in flight, given out in the
 * source's order.
 *
 * @module
 */

import {
  type DecodedImage,
  decodeImages,
  type DecodePool,
  type DecodeResult,
  releaseBytes,
  type StoredImage,
} from "../../formats/images/mod.ts";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { STEPS_IN_FLIGHT } from "../../kernels/programs/image_program.ts";

/** What computes something of each image, such as an annotator. */
export interface ImageStepper<Result> {
  /** Most images of a step. */
  readonly batch: number;
  /**
   * Starts a step and returns what reads it; {@linkcode STEPS_IN_FLIGHT} may be in flight. `stored` is what the pixels were decoded from, which are
   * free again when the promise is there.
   */
  start(images: readonly Pixels[], stored: readonly StoredImage[]): Promise<() => Promise<Result[]>>;
}

/** An image with its result, or with the reason why it has none. */
export type SteppedImage<Result> =
  | {
    readonly image: StoredImage;
    /** Size of the pixels, and the EXIF orientation of the file, whether they are turned or not. */
    readonly size: Omit<DecodedImage, "pixels">;
    readonly result: Result;
  }
  | { readonly image: StoredImage; readonly reason: string };

/** How images go through. */
export interface ImageStepOptions {
  readonly pool: DecodePool;
  /** Workers of the pool. */
  readonly workers: number;
  /** Told of every wait, for decoded images or for the device. */
  readonly onWait?: (what: "decode" | "device", milliseconds: number) => void;
}

/**
 * Decodes stored images and runs them through the device, in batches.
 *
 * @param images What to compute.
 * @param stepper What computes it.
 * @param options Workers that decode, how many they are, and whom to tell of waits.
 * @returns The images in their order, each with its result or the reason why it has none.
 */
export async function* imageSteps<Result>(
  images: AsyncIterable<StoredImage>,
  stepper: ImageStepper<Result>,
  options: ImageStepOptions,
): AsyncGenerator<SteppedImage<Result>> {
  const { pool, workers, onWait = () => {} } = options;
  const { batch } = stepper;
  const decoded = decodeImages(images, pool, { ahead: Math.max(2 * workers, workers + batch) });
  const inFlight: Step<Result>[] = [];
  try {
    for (let ended = false; !ended || inFlight.length > 0;) {
      const start = performance.now();
      if (!ended && inFlight.length < STEPS_IN_FLIGHT && !inFlight[0]?.isRead) {
        const { results, isEnd } = await take(decoded, batch);
        const taken = performance.now();
        onWait("decode", taken - start);
        ended = isEnd;
        if (results.length === 0) continue;
        const step = await startStep(results, stepper);
        // The device has computed it: its results are on their way while images come in.
        if (inFlight.length > 0) readStep(inFlight.at(-1)!);
        inFlight.push(step);
        onWait("device", performance.now() - taken);
        await letEventsIn();
      } else {
        const step = inFlight.shift()!;
        const results = await readStep(step);
        onWait("device", performance.now() - start);
        yield* withResults(step.images, results);
      }
    }
  } finally {
    await decoded.return(undefined);
    // The stepper has room for so many steps: whoever breaks off leaves none in it.
    for (const step of inFlight) await readStep(step).catch(() => {});
  }
}

/** Images that are on the device together, and those that were rejected between them. */
interface Step<Result> {
  readonly images: readonly DecodeResult[];
  readonly read: () => Promise<Result[]>;
  /** The results, once they were asked for. */
  results?: Promise<Result[]>;
  /** Whether they are here. */
  isRead?: boolean;
}

function readStep<Result>(step: Step<Result>): Promise<Result[]> {
  if (step.results) return step.results;
  step.results = step.read();
  step.results.then(() => step.isRead = true, () => {});
  return step.results;
}

/** Bytes of decoded images that a step waits for, besides the last one; a step of large images has fewer. */
const STEP_BYTES = 2 ** 28;

async function take(
  decoded: AsyncIterator<DecodeResult>,
  count: number,
): Promise<{ results: DecodeResult[]; isEnd: boolean }> {
  const results: DecodeResult[] = [];
  let bytes = 0;
  while (results.length < count && bytes < STEP_BYTES) {
    const next = await decoded.next();
    if (next.done) return { results, isEnd: true };
    results.push(next.value);
    if ("decoded" in next.value) bytes += next.value.decoded.pixels.length;
  }
  return { results, isEnd: false };
}

async function startStep<Result>(images: DecodeResult[], stepper: ImageStepper<Result>): Promise<Step<Result>> {
  const decoded = images.filter((image) => "decoded" in image);
  const read = decoded.length > 0
    ? await stepper.start(decoded.map(({ decoded }) => decoded), decoded.map(({ image }) => image))
    : () => Promise.resolve([]);
  // They are uploaded by now, and the largest thing there is.
  for (const { decoded: { pixels } } of decoded) releaseBytes(pixels);
  return { images, read };
}

function* withResults<Result>(
  images: readonly DecodeResult[],
  results: readonly Result[],
): Generator<SteppedImage<Result>> {
  let position = 0;
  for (const decodeResult of images) {
    const { image } = decodeResult;
    if ("reason" in decodeResult) yield { image, reason: decodeResult.reason };
    else {
      const { pixels: _, ...size } = decodeResult.decoded;
      yield { image, size, result: results[position++] };
    }
  }
}
