import { assert, assertEquals } from "@std/assert";
import {
  type Augmentation,
  augmentationAtSize,
  type AugmentationSettings,
  augmentReference,
  mixAtSize,
  sampleAugmentation,
  sampleMix,
} from "../../../../kernels/operations/augmentation/mod.ts";

const SMALL: AugmentationSettings = {
  size: [24, 32],
  interpolation: "bilinear",
  mean: [0, 0, 0],
  std: [1, 1, 1],
  crop: { scale: [0.2, 1], ratio: [0.75, 4 / 3] },
  flip: 0.5,
  randAugment: { operations: 2, magnitude: 24 },
  colourJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  lighting: 0.1,
  erasing: { probability: 1, scale: [0.1, 0.3], ratio: [0.5, 2], value: "zero" },
};
const LARGE = { ...SMALL, size: [72, 128] as const };
const SIZES = { from: SMALL.size, to: LARGE.size };

/** A picture of soft waves, which looks alike at all sizes. */
const image = {
  width: 160,
  height: 120,
  pixels: Uint8Array.from({ length: 160 * 120 * 3 }, (_, sample) => {
    const [x, y] = [Math.floor(sample / 3) % 160, Math.floor(sample / 480)];
    return 128 + 90 * Math.sin(x / 25 + sample % 3) * Math.cos(y / 20);
  }),
};

/** The mean over the places of a small picture in a large one, minus the small one's: how far they are apart. */
function distance(small: ArrayLike<number>, large: ArrayLike<number>): number {
  const [down, right] = [LARGE.size[0] / SMALL.size[0], LARGE.size[1] / SMALL.size[1]];
  let sum = 0;
  for (let sample = 0; sample < small.length; sample++) {
    const [column, row] = [Math.floor(sample / 3) % SMALL.size[1], Math.floor(sample / 3 / SMALL.size[1])];
    let mean = 0;
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < right; x++) {
        mean += large[((row * down + y) * LARGE.size[1] + column * right + x) * 3 + sample % 3] / (down * right);
      }
    }
    sum += Math.abs(mean - small[sample]);
  }
  return sum / small.length;
}

Deno.test("augmentationAtSize() shows the same picture at another size: crop, mirror, moves, colours, rectangle", () => {
  let [scaled, unscaled, moved] = [0, 0, 0];
  const count = 24;
  for (let index = 0; index < count; index++) {
    const sample: Augmentation = sampleAugmentation(SMALL, { seed: 3, epoch: 0, index }, image);
    const small = augmentReference(image, sample, SMALL);
    scaled += distance(small, augmentReference(image, augmentationAtSize(sample, SIZES), LARGE)) / count;
    // The large picture with the small one's matrices and rectangles.
    const { operations, erasing } = augmentationAtSize(sample, SIZES);
    const hasMoves = operations.some(({ type }) => type === "affine");
    if (hasMoves) moved++;
    unscaled += distance(small, augmentReference(image, { ...sample, erasing: erasing && sample.erasing }, LARGE)) /
      count;
  }
  assert(moved > 8);
  assert(scaled < 0.04, `${scaled}`);
  assert(unscaled > 2 * scaled, `${unscaled} without, ${scaled} with scaling`);
});

Deno.test("augmentationAtSize() and mixAtSize() change nothing at the same size", () => {
  const same = { from: SMALL.size, to: SMALL.size };
  for (let index = 0; index < 20; index++) {
    const sample = sampleAugmentation(SMALL, { seed: 1, epoch: 2, index }, image);
    assertEquals(augmentationAtSize(sample, same), sample);
    const mix = sampleMix({ ...SMALL, mixup: 0.2, cutmix: 1 }, { seed: 1, epoch: 0, step: index, batch: 4 })!;
    assertEquals(mixAtSize(mix, same), mix);
  }
});

Deno.test("mixAtSize() scales the box to whole pixels and keeps the shares", () => {
  const mix = { lambda: 0.75, box: { top: 6, left: 8, height: 12, width: 16 }, partners: Uint32Array.of(1, 0) };
  assertEquals(mixAtSize(mix, SIZES), { ...mix, box: { top: 18, left: 32, height: 36, width: 64 } });
  const edge = mixAtSize({ ...mix, box: { top: 0, left: 31, height: 24, width: 1 } }, { from: [24, 32], to: [31, 45] });
  assertEquals(edge.box, { top: 0, left: 44, height: 31, width: 1 });
  const without = { lambda: 0.5, partners: Uint32Array.of(1, 0) };
  assertEquals(mixAtSize(without, SIZES), without);
});
