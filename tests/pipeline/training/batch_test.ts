import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { UNKNOWN } from "../../../kernels/operations/losses/independent_classes.ts";
import { augmentationOf, batchMaker } from "../../../pipeline/training/batch.ts";
import type { LoadedBatch } from "../../../pipeline/training/loader.ts";
import { smallOptions } from "./data.ts";

const IMAGE = { width: 6, height: 4, pixels: new Uint8Array(6 * 4 * 3) };

/** A loaded batch of images of which only the indices matter. */
function loaded(indices: readonly number[], place: { epoch?: number; step?: number; mask?: number } = {}): LoadedBatch {
  const { epoch = 0, step = 0, mask } = place;
  const masks = mask === undefined
    ? undefined
    : indices.map(() => ({ ...IMAGE, pixels: IMAGE.pixels.map(() => mask) }));
  return {
    epoch,
    step,
    indices: Uint32Array.from(indices),
    keys: indices.map((index) => `${index}.png`),
    images: indices.map(() => IMAGE),
    labels: Int32Array.from(indices),
    masks,
    release() {},
  };
}

Deno.test("batchMaker() draws what happens to an image from seed, epoch and its place in the source alone", () => {
  const make = batchMaker(smallOptions({ images: "photos", randAugment: [2, 9] }), 3);
  const [first, other] = [make(loaded([5, 7, 9])), make(loaded([9, 1, 5], { step: 2 }))];
  assertEquals([other.samples[2], other.samples[0]], [first.samples[0], first.samples[2]]);
  assertEquals([other.seeds[2], other.seeds[0]], [first.seeds[0], first.seeds[2]]);
  const next = make(loaded([5, 7, 9], { epoch: 1 }));
  assertNotEquals(next.samples, first.samples);
  assertNotEquals(next.seeds, first.seeds);
  const seeded = batchMaker(smallOptions({ images: "photos", randAugment: [2, 9], seed: 1 }), 3)(loaded([5, 7, 9]));
  assertNotEquals(seeded.samples, first.samples);
  assertNotEquals(seeded.seeds, first.seeds);
});

Deno.test("batchMaker() mixes batches but in the last epochs", () => {
  const make = batchMaker(smallOptions({ images: "photos", cutmix: 1, epochs: 6, mixOffEpochs: 2 }), 3);
  const mixes = [0, 1, 2, 3, 4, 5].map((epoch) => make(loaded([1, 2, 3], { epoch })).mix !== undefined);
  assertEquals(mixes, [true, true, true, true, false, false]);
  assertEquals(batchMaker(smallOptions({ images: "photos", epochs: 6 }), 3)(loaded([1])).mix, undefined);
});

Deno.test("batchMaker() makes targets of masks, and names the image whose mask has too many classes", () => {
  const make = batchMaker(smallOptions({ images: "photos", masks: "masks" }), 3);
  assertEquals(make(loaded([4, 8], { mask: 2 })).targets, Float32Array.of(0, 1, 0, 0, 1, 0));
  assertEquals(make(loaded([4])).targets, undefined);
  assertThrows(
    () => make(loaded([4, 8], { mask: 4 })),
    RangeError,
    'Cannot use the mask of "4.png": it has 4 at row 0, column 0, and there are 3 classes',
  );
});

Deno.test("batchMaker() makes multi-hot targets, smoothed if that is asked for", () => {
  const given = { images: "photos", multiLabel: "classes.json" };
  const multiLabels = [{ present: [0, 2], unknown: [] }, { present: [], unknown: [1] }];
  const batch = { ...loaded([4, 8]), multiLabels };
  assertEquals(batchMaker(smallOptions(given), 3)(batch).targets, Float32Array.of(1, 0, 1, 0, UNKNOWN, 0));
  assertEquals(
    batchMaker(smallOptions({ ...given, labelSmoothing: 0.25 }), 4)(batch).targets,
    Float32Array.of(0.8125, 0.0625, 0.8125, 0.0625, 0.0625, UNKNOWN, 0.0625, 0.0625),
  );
});

Deno.test("augmentationOf() leaves out what is not asked for", () => {
  const none = augmentationOf(smallOptions({ images: "photos", colourJitter: 0 }));
  for (const name of ["randAugment", "colourJitter", "erasing", "mixup", "cutmix"]) assertEquals(name in none, false);
  const all = augmentationOf(smallOptions({ images: "photos", erasing: 0.25, mixup: 0.8, randAugment: [2, 9] }));
  assertEquals([all.erasing!.probability, all.mixup, all.cutmix], [0.25, 0.8, undefined]);
  assertEquals(all.randAugment, { operations: 2, magnitude: 9 });
  assertEquals(all.colourJitter, { brightness: 0.4, contrast: 0.4, saturation: 0.4 });
});
