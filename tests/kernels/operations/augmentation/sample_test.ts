import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  type AugmentationSettings,
  checkAugmentation,
  sampleAugmentation,
  sampleMix,
} from "../../../../kernels/operations/augmentation/mod.ts";
import { randomKey, randomNumbers } from "../../../../formats/base/random.ts";
import { randomResizedCrop } from "../../../../kernels/operations/augmentation/random_resized_crop.ts";
import { cropReference, operateReference } from "../../../../kernels/operations/augmentation/reference.ts";
import { isShown, samplingRegion } from "../../../../kernels/operations/label_pooling/crop.ts";
import { type Moments, readTorchvision } from "./fixture.ts";

const SETTINGS: AugmentationSettings = {
  size: [32, 24],
  interpolation: "bilinear",
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  flip: 0.5,
  colourJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  lighting: 0.1,
  erasing: { probability: 0.25, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: "random" },
  randAugment: { operations: 2, magnitude: 9 },
};
const IMAGE = { width: 500, height: 375 };
const DRAWS = 20000;

/** Both are means of as many draws: they agree within 4.5 standard errors of their difference. */
function assertMoments(columns: readonly (readonly number[])[], { mean, deviation }: Moments, name: string): void {
  columns.forEach((values, column) => {
    const average = values.reduce((sum, value) => sum + value) / values.length;
    const error = deviation[column] * Math.sqrt(2 / DRAWS);
    const difference = Math.abs(average - mean[column]);
    assert(difference <= 4.5 * error + 1e-6, `${name}, moment ${column}: ${average}, expected ${mean[column]}`);
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length);
    assert(
      Math.abs(spread - deviation[column]) <= 0.03 * deviation[column] + 1e-6,
      `${name}, spread ${column}: ${spread}`,
    );
  });
}

Deno.test("randomResizedCrop() draws parts as torchvision does: area, ratio and place", async () => {
  for (const [name, { size, scale, ratio, touching, ...moments }] of Object.entries((await readTorchvision()).crops)) {
    const [height, width] = size;
    const random = randomNumbers(randomKey([1, 2, 3]));
    const boxes = Array.from({ length: DRAWS }, () => randomResizedCrop({ width, height }, { scale, ratio }, random));
    assertMoments(
      [
        boxes.map((box) => box.height * box.width / (height * width)),
        boxes.map((box) => Math.log(box.width / box.height)),
        boxes.map((box) => box.top / height),
        boxes.map((box) => box.left / width),
      ],
      moments,
      name,
    );
    const whole = boxes.filter((box) => box.height === height || box.width === width).length / DRAWS;
    const error = Math.sqrt(2 * touching * (1 - touching) / DRAWS);
    assert(Math.abs(whole - touching) <= 4.5 * error, `${name}: ${whole} touch both edges, expected ${touching}`);
    for (const { top, left, height: high, width: wide } of boxes) {
      assert([top, left, high, wide].every(Number.isInteger) && high > 0 && wide > 0);
      assert(top >= 0 && left >= 0 && top + high <= height && left + wide <= width);
    }
  }
});

Deno.test("sampleAugmentation() erases as torchvision does, with its probability", async () => {
  const erased = Array.from(
    { length: 4 * DRAWS },
    (_, index) => sampleAugmentation(SETTINGS, { seed: 3, epoch: 0, index }, IMAGE).erasing,
  ).filter((box) => box !== undefined);
  assert(Math.abs(erased.length - DRAWS) < 4.5 * Math.sqrt(DRAWS * 0.75), `${erased.length}`);
  assertMoments(
    [
      erased.map((box) => box.height * box.width / (32 * 24)),
      erased.map((box) => Math.log(box.height / box.width)),
      erased.map((box) => box.top / 32),
      erased.map((box) => box.left / 24),
    ],
    (await readTorchvision()).erasing,
    "erasing",
  );
  assertNotEquals(erased[0].key, erased[1].key);
});

Deno.test("sampleAugmentation() gives the same for the same seed, epoch, index and size, else something else", () => {
  const of = (seed: number, epoch: number, index: number) =>
    sampleAugmentation(SETTINGS, { seed, epoch, index }, IMAGE);
  assertEquals(of(1, 2, 3), of(1, 2, 3));
  const all = [of(1, 2, 3), of(2, 1, 3), of(1, 3, 2), of(3, 2, 1), of(1, 2, 4), of(1 + 2 ** 32, 2, 3), of(-1, 2, 3)];
  assertEquals(new Set(all.map((one) => JSON.stringify(one.box))).size, all.length);
});

Deno.test("sampleAugmentation() draws a part that does not depend on what else is asked for", () => {
  const { size, interpolation, mean, std, crop } = SETTINGS;
  const key = { seed: 4, epoch: 1, index: 9 };
  const only = sampleAugmentation({ size, interpolation, mean, std, crop }, key, IMAGE);
  assertEquals(sampleAugmentation(SETTINGS, key, IMAGE).box, only.box);
  assertEquals([only.flip, only.operations, only.lighting, only.erasing], [false, [], [0, 0, 0], undefined]);
  assertEquals(only.crop.warp, undefined);
});

Deno.test("sampleAugmentation() without a crop takes the whole image", () => {
  const whole = sampleAugmentation({ ...SETTINGS, crop: undefined }, { seed: 1, epoch: 0, index: 0 }, IMAGE);
  assertEquals(whole.box, { top: 0, left: 0, ...IMAGE });
  const { top, left, height, width } = whole.crop;
  assertEquals([top, left, height, width], [0, 0, 1, 1]);
});

Deno.test("sampleAugmentation() flips half of the images, and lights and jitters as asked", () => {
  const samples = Array.from(
    { length: DRAWS },
    (_, index) => sampleAugmentation({ ...SETTINGS, randAugment: undefined }, { seed: 8, epoch: 5, index }, IMAGE),
  );
  const flips = samples.filter(({ flip }) => flip).length;
  assert(Math.abs(flips - DRAWS / 2) < 4.5 * Math.sqrt(DRAWS / 4), `${flips}`);
  // The covariance of AlexNet's lighting: V diag(0.1 lambda)^2 V'; of red with itself, and with blue.
  const values = [0.2175, 0.0188, 0.0045].map((value) => (0.1 * value) ** 2);
  const covariance = (a: number[], b: number[]) =>
    a.reduce((sum, value, index) => sum + value * b[index] * values[index], 0);
  const [red, blue] = [[-0.5675, 0.7192, 0.4009], [-0.5836, -0.6948, 0.4203]];
  const drawn = (a: number, b: number) =>
    samples.reduce((sum, { lighting }) => sum + lighting[a] * lighting[b], 0) / DRAWS;
  for (const [actual, expected] of [[drawn(0, 0), covariance(red, red)], [drawn(0, 2), covariance(red, blue)]]) {
    assert(Math.abs(actual / expected - 1) < 0.06, `${actual}, expected ${expected}`);
  }
  const orders = new Map<string, number>();
  const factors = samples.flatMap(({ operations }) => {
    const order = operations.map(({ type }) => type).join(" ");
    orders.set(order, (orders.get(order) ?? 0) + 1);
    return operations.map((operation) => "factor" in operation ? operation.factor : NaN);
  });
  assertEquals(orders.size, 6);
  for (const count of orders.values()) assert(Math.abs(count - DRAWS / 6) < 4.5 * Math.sqrt(DRAWS * 5 / 36));
  assertEquals(factors.length, 3 * DRAWS);
  assert(factors.every((factor) => factor >= 0.6 && factor < 1.4));
  const mean = factors.reduce((sum, factor) => sum + factor) / factors.length;
  assert(Math.abs(mean - 1) < 4.5 * 0.8 / Math.sqrt(12 * factors.length), `${mean}`);
});

Deno.test("sampleAugmentation() draws each of RandAugment's operations as often", () => {
  const operations = Array.from(
    { length: DRAWS },
    (_, index) =>
      sampleAugmentation({ ...SETTINGS, colourJitter: undefined }, { seed: 8, epoch: 5, index }, IMAGE).operations,
  ).flat();
  const counts = new Map<string, number>();
  for (const { type } of operations) counts.set(type, (counts.get(type) ?? 0) + 1);
  // Five of the fourteen move places, and one does nothing.
  assertEquals(counts.size, 9);
  for (const [type, count] of counts) {
    const expected = 2 * DRAWS / 14 * (type === "affine" ? 5 : 1);
    assert(Math.abs(count - expected) < 4.5 * Math.sqrt(expected), `${type}: ${count}, expected ${expected}`);
  }
});

Deno.test("sampleAugmentation() gives the crop the warp of what moved its places, in order", () => {
  const translated = { ...SETTINGS, crop: undefined, colourJitter: undefined, size: [331, 331] as const };
  let seen = 0;
  for (let index = 0; index < 400; index++) {
    const settings = { ...translated, randAugment: { operations: 1, magnitude: 30 } };
    const { flip, operations: [operation], crop } = sampleAugmentation(settings, { seed: 1, epoch: 1, index }, IMAGE);
    if (!flip || operation?.type !== "affine" || Math.abs(operation.matrix[2]) !== 150) continue;
    seen++;
    // Mirrored first, then moved by 150 pixels: a place of the picture lies 150 / 331 further, read from the right.
    assertEquals(crop.warp?.map((value) => Math.round(value * 331)), [-331, 0, 331 - operation.matrix[2], 0, 331, 0]);
    const region = samplingRegion(crop, { index: 0, grid: [15, 15], layout: "hw", outputSize: [1, 1] });
    assertEquals(region.right[1], -15);
  }
  assert(seen > 0);
});

Deno.test("sampleAugmentation() gives the crop the warp by which the picture was made, for every operation", () => {
  const [width, height] = [240, 160];
  // A pixel's red is its place from left to right, its green that from top to bottom.
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    return [(x + 0.5) / width * 255, (y + 0.5) / height * 255, 255][index % 3];
  });
  const { size, interpolation, mean, std } = SETTINGS;
  const crop = { scale: [0.3, 0.9], ratio: [3 / 4, 4 / 3] } as const;
  const settings = { size, interpolation, mean, std, crop, flip: 0.5, randAugment: { operations: 2, magnitude: 20 } };
  let [compared, black] = [0, 0];
  for (let index = 0; index < 300; index++) {
    const augmentation = sampleAugmentation(settings, { seed: 6, epoch: 0, index }, { width, height });
    const { crop: { top, left, height: high, width: wide, warp = [1, 0, 0, 0, 1, 0] }, operations } = augmentation;
    const { frames } = samplingRegion(augmentation.crop, { index: 0, grid: [9, 9], layout: "hw", outputSize: [1, 1] });
    // The others change what is compared.
    if (!operations.every(({ type }) => type === "affine")) continue;
    const picture = operations.reduce<Uint8Array>(
      (picture, operation) => operateReference(picture, size, operation),
      cropReference({ width, pixels }, augmentation, settings),
    );
    for (let y = 0; y < size[0]; y++) {
      for (let x = 0; x < size[1]; x++) {
        const [red, green, blue] = picture.subarray((y * size[1] + x) * 3);
        const [u, v] = [(x + 0.5) / size[1], (y + 0.5) / size[0]];
        const [column, row] = [warp[0] * u + warp[1] * v + warp[2], warp[3] * u + warp[4] * v + warp[5]];
        // What one operation moved out of the frame is black, even where the next one moves it back.
        if (isShown(frames, u, v) !== blue > 0) {
          const [across, down] = [1.5 / size[1], 1.5 / size[0]];
          const near = [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => isShown(frames, u + i * across, v + j * down)));
          assert(near.includes(blue > 0), `image ${index}, ${x}, ${y}: black is ${blue === 0}`);
          continue;
        }
        if (blue === 0) {
          black++;
          continue;
        }
        const away = Math.max(
          Math.abs(red / 255 - left - column * wide) / wide * size[1],
          Math.abs(green / 255 - top - row * high) / high * size[0],
        );
        assert(away < 2, `image ${index}, ${x}, ${y}: ${away} pixels from the place that the warp says`);
        compared++;
      }
    }
  }
  assert(compared > 1000 && black > 1000, `${compared}, ${black}`);
});

Deno.test("checkAugmentation() refuses what is out of its range, and names it", () => {
  checkAugmentation(SETTINGS);
  const refuse = (change: object, error: typeof TypeError | typeof RangeError, message: string) =>
    assertThrows(() => checkAugmentation({ ...SETTINGS, ...change }), error, message);
  refuse({ size: [0, 3] }, RangeError, "Cannot augment: size is [0, 3], expected two positive integers");
  refuse({ mean: [0.5] }, TypeError, "mean has 1 values, expected 3");
  refuse({ std: [1, 0, 1] }, RangeError, "std is [1, 0, 1], expected positive numbers");
  refuse({ interpolation: "lanczos" }, TypeError, 'interpolation is "lanczos"');
  refuse({ crop: { scale: [0, 1], ratio: [1, 1] } }, RangeError, "crop.scale is [0, 1], expected two shares");
  refuse({ crop: { scale: [0.1, 1], ratio: [2, 1] } }, RangeError, "crop.ratio is [2, 1]");
  refuse({ flip: 1.5 }, RangeError, "flip is 1.5, expected a number from 0 to 1");
  refuse({ randAugment: { operations: 0, magnitude: 9 } }, RangeError, "randAugment.operations is 0");
  refuse({ randAugment: { operations: 2, magnitude: 31 } }, RangeError, "randAugment.magnitude is 31");
  refuse({ colourJitter: { contrast: -1 } }, RangeError, "colourJitter.contrast is -1, expected a number from 0 on");
  refuse({ lighting: NaN }, RangeError, "lighting is NaN");
  refuse({ erasing: { ...SETTINGS.erasing, probability: 2 } }, RangeError, "erasing.probability is 2");
  refuse({ erasing: { ...SETTINGS.erasing, value: "mean" } }, TypeError, 'erasing.value is "mean"');
  refuse({ mixup: 0 }, RangeError, "mixup is 0, expected a positive number");
  refuse({ cutmix: Infinity }, RangeError, "cutmix is Infinity");
});

Deno.test("sampleMix() draws shares of their beta distribution, and boxes of theirs", () => {
  const key = (step: number) => ({ seed: 5, epoch: 2, step, batch: 7 });
  const steps = Array.from({ length: DRAWS }, (_, step) => step);
  assertEquals(sampleMix({ size: [32, 24] }, key(0)), undefined);
  for (const alpha of [0.2, 1, 3]) {
    const lambdas = steps.map((step) => {
      const mix = sampleMix({ size: [32, 24], mixup: alpha }, key(step))!;
      assertEquals(mix.box, undefined);
      return mix.lambda;
    });
    const mean = lambdas.reduce((sum, value) => sum + value) / DRAWS;
    const variance = lambdas.reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / DRAWS;
    const expected = 1 / (4 * (2 * alpha + 1));
    assert(Math.abs(mean - 0.5) < 4.5 * Math.sqrt(expected / DRAWS), `alpha ${alpha}: mean ${mean}`);
    assert(Math.abs(variance / expected - 1) < 0.04, `alpha ${alpha}: variance ${variance}, expected ${expected}`);
  }
  for (const step of steps) {
    const { lambda, box } = sampleMix({ size: [32, 24], cutmix: 1 }, key(step))!;
    assertEquals(lambda, 1 - box!.height * box!.width / (32 * 24));
    assert(box!.top + box!.height <= 32 && box!.left + box!.width <= 24 && box!.top >= 0 && box!.left >= 0);
  }
  assertEquals(sampleMix({ size: [32, 24], cutmix: 1 }, key(3)), sampleMix({ size: [32, 24], cutmix: 1 }, key(3)));
});

Deno.test("sampleMix() makes neighbours partners, so that a share of a batch is mixed as in the whole", () => {
  const mix = (batch: number) => sampleMix({ size: [32, 24], cutmix: 1 }, { seed: 5, epoch: 2, step: 3, batch })!;
  const partners = (batch: number) => [...mix(batch).partners];
  assertEquals(partners(8), [1, 0, 3, 2, 5, 4, 7, 6]);
  assertEquals([1, 2, 3, 7].map(partners), [[0], [1, 0], [1, 2, 0], [1, 0, 3, 2, 5, 6, 4]]);
  for (const batch of [2, 4]) {
    const { lambda, box } = mix(batch);
    assertEquals([lambda, box], [mix(8).lambda, mix(8).box]);
    for (let first = 0; first < 8; first += batch) {
      assertEquals(partners(batch).map((partner) => first + partner), partners(8).slice(first, first + batch));
    }
  }
});

Deno.test("sampleMix() takes Mixup and CutMix for half of the batches each, where both are given", () => {
  const cuts = Array.from(
    { length: 2000 },
    (_, step) => sampleMix({ size: [32, 24], mixup: 0.8, cutmix: 1 }, { seed: 1, epoch: 0, step, batch: 2 })!.box,
  ).filter((box) => box).length;
  assert(Math.abs(cuts - 1000) < 4.5 * Math.sqrt(500), `${cuts}`);
});
