/**
 * The floor of maps of independent classes: the logit that stands for the classes which a cell does not keep.
 *
 * LabelPooling is linear in logits, so that a constant leaves a crop's logits right on the mean if it is the mean logit of
 * the classes that are left out. Others are further from the pooled probabilities of whole maps: `docs/scores.md` has the
 * figures.
 *
 * @module
 */

import { type ImageSource, openDecodePool, type StoredImage } from "../../formats/images/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import type { DenseMaps } from "../../kernels/programs/dense_maps.ts";
import { imageSteps } from "./image_steps.ts";
import { defaultWorkers } from "./default_workers.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** Images that are looked at. */
const SAMPLE = 32;

/** A floor is a multiple of it, so that it does not hang on the last bits of an adapter's sums. */
const STEP = 1 / 8;

/**
 * Images of a source that stand for all of it: as far apart as can be, since one class after the other is usual.
 *
 * @param source The source.
 * @param limit How many of its images count.
 * @returns At most 32 of them, in order.
 */
export async function* sampleImages(source: ImageSource, limit = Infinity): AsyncGenerator<StoredImage> {
  const images = Math.min(await source.count(), limit);
  const count = Math.min(images, SAMPLE);
  for (let index = 0; index < count; index++) {
    const start = Math.floor(index * images / count);
    yield* source.read({ start, end: start + 1 });
  }
}

/**
 * Measures the floor.
 *
 * @param images Images that stand for those to label; those that cannot be decoded are left out.
 * @param maps What gives their logits.
 * @param options Classes that a cell keeps, whether images are turned as their EXIF orientation says.
 * @returns The mean logit of the classes that cells do not keep, rounded to eighths.
 * @throws {RangeError} If none of the images can be decoded.
 */
export async function measureFloor(
  images: AsyncIterable<StoredImage>,
  maps: DenseMaps,
  { k, exifOrientation }: { k: number; exifOrientation?: boolean },
): Promise<number> {
  const workers = defaultWorkers();
  using pool = closing(openDecodePool(workers, { exifOrientation }));
  const stepper = { batch: maps.batch, start: (images: readonly Pixels[]) => maps.start(images) };
  let [sum, count, seen] = [0, 0, 0];
  for await (const step of imageSteps(images, stepper, { pool, workers })) {
    seen++;
    if ("reason" in step) continue;
    for (let cell = 0; cell < step.result.length; cell += maps.classes) {
      sum += sumBelow(step.result.subarray(cell, cell + maps.classes), k);
      count += maps.classes - k;
    }
  }
  if (count === 0) {
    throw new RangeError(
      `Cannot measure what classes count that a cell does not keep: of ${
        formatNumberOf(seen, "image")
      } none can be decoded`,
    );
  }
  return Math.round(sum / count / STEP) * STEP;
}

/** The sum of all values but the k largest. */
function sumBelow(values: Float32Array, k: number): number {
  const largest = values.slice(0, k).sort();
  let sum = 0;
  for (let index = k; index < values.length; index++) {
    const value = values[index];
    if (!(value > largest[0])) {
      sum += value;
      continue;
    }
    sum += largest[0];
    let place = 0;
    for (; place + 1 < k && largest[place + 1] < value; place++) largest[place] = largest[place + 1];
    largest[place] = value;
  }
  return sum;
}
