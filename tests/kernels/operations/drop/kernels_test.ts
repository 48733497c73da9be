import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type Drop, dropKernel, dropReference } from "../../../../kernels/operations/drop/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { differenceGradient, weighedSum } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

const BY = ["image", "channel"] as const;

/** Seeds as a training run has them: neighbours, and any 32 bits. */
function seedsOf(batch: number): Uint32Array {
  return Uint32Array.from({ length: batch }, (_, image) => image % 2 ? image : 0xfffffff0 - 7 * image);
}

for (const by of BY) {
  Deno.test(`dropKernel() drops by ${by} what the reference drops, and keeps padding zero`, async () => {
    const device = await testDevice();
    const shapes: Shape[] = [[1, 1, 1, 3], [5, 3, 7, 13], [17, 1, 1, 37], [2, 19, 17, 32], [64, 2, 2, 4]];
    for (const shape of shapes) {
      const channels = shape[3];
      // No value is zero, so that a zero was dropped.
      const values = randomValues(shape.reduce((product, size) => product * size), 5).map((value) => value || 1);
      const seeds = seedsOf(shape[0]);
      for (const rate of [0, 0.2, 0.9]) {
        const drop: Drop = { rate, layer: 3, by };
        const expected = dropReference(values, seeds, { shape, ...drop });
        for (const target of targets(device)) {
          const kernel = dropKernel({ shape, ...drop, ...target });
          const { output } = await runKernel(device, kernel, {
            input: padChannels(values, channels, target.storage),
            seeds,
            output: { bytes: tensorBytes(shape, target.storage) },
          });
          const actual = unpadChannels(output, channels, target.storage);
          assertEquals(actual.map((value) => value === 0), [...expected].map((value) => value === 0), kernel.name);
          assertClose(actual, expected, { ...sumTolerance(target.storage), shape, name: kernel.name });
        }
      }
    }
  });

  Deno.test(`dropReference() by ${by} agrees with finite differences when applied to the gradient`, () => {
    const options = { shape: [4, 2, 3, 5], rate: 0.5, layer: 1, by } as const;
    const seeds = seedsOf(4);
    const gradient = randomValues(120, 2);
    const differences = differenceGradient(
      (values) => weighedSum(dropReference(values, seeds, options), gradient),
      randomValues(120, 1),
    );
    assertClose(dropReference(gradient, seeds, options), differences, {
      absolute: 1e-9,
      relative: 1e-9,
      name: "gradient",
    });
  });
}

Deno.test("dropReference() drops with the rate's chance and keeps the mean", () => {
  const batch = 400;
  const shape: Shape = [batch, 1, 1, 100];
  const ones = new Float64Array(batch * 100).fill(1);
  const seeds = Uint32Array.from({ length: batch }, (_, image) => image);
  for (const rate of [0.05, 0.2, 0.5, 0.8]) {
    for (const layer of [0, 1, 150]) {
      for (const by of BY) {
        const mean = dropReference(ones, seeds, { shape, rate, layer, by }).reduce((a, b) => a + b) / ones.length;
        // Four standard deviations of the mean of as many independent draws.
        const draws = by === "image" ? batch : ones.length;
        assertAlmostEquals(mean, 1, 4 * Math.sqrt(rate / (1 - rate) / draws), `rate ${rate}, layer ${layer}, ${by}`);
      }
    }
  }
});

Deno.test("dropReference() drops a whole image, or a channel at all positions of an image", () => {
  const shape: Shape = [50, 3, 3, 6];
  const ones = new Float64Array(50 * 54).fill(1);
  const seeds = seedsOf(50);
  const byImage = dropReference(ones, seeds, { shape, rate: 0.5, layer: 0, by: "image" });
  const byChannel = dropReference(ones, seeds, { shape, rate: 0.5, layer: 0, by: "channel" });
  let mixed = 0;
  for (let image = 0; image < 50; image++) {
    assertEquals(new Set(byImage.slice(image * 54, image * 54 + 54)).size, 1);
    const first = byChannel.slice(image * 54, image * 54 + 6);
    if (new Set(first).size === 2) mixed++;
    for (let position = 1; position < 9; position++) {
      assertEquals(byChannel.slice(image * 54 + position * 6, image * 54 + position * 6 + 6), first);
    }
  }
  assert(mixed > 40, `${mixed} of 50 images keep some channels and drop others`);
});

Deno.test("dropReference() drops other images in another layer, and with other seeds", () => {
  const shape: Shape = [64, 1, 1, 1];
  const ones = new Float64Array(64).fill(1);
  const seeds = seedsOf(64);
  const options = { shape, rate: 0.5, layer: 7, by: "image" } as const;
  const dropped = dropReference(ones, seeds, options);
  assertEquals(dropReference(ones, seeds, options), dropped);
  assertNotEquals(dropReference(ones, seeds, { ...options, layer: 8 }), dropped);
  assertNotEquals(dropReference(ones, seeds.map((seed) => seed + 1), options), dropped);
});

Deno.test("dropKernel() refuses a rate outside of [0, 1)", () => {
  for (const rate of [1, -0.1, NaN]) {
    assertThrows(
      () => dropKernel({ shape: [1, 1, 1, 4], rate, layer: 0, by: "image", profile: "gpu", storage: "f32" }),
      RangeError,
      `Cannot drop at rate ${rate}: expected at least 0 and below 1`,
    );
  }
});
