import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Profile, Storage } from "../../../../kernels/engine/kernel.ts";
import { topKKernel, type TopKOptions, topKReference } from "../../../../kernels/operations/top_k/kernels.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { padChannels, randomValues, stored, targets, testDevice } from "../../tensors.ts";

async function topK(
  device: Device,
  logits: ArrayLike<number>,
  options: TopKOptions & { profile: Profile; storage: Storage },
) {
  const bytes = options.batch * options.k * options.positions * 4;
  const result = await runKernel(device, topKKernel(options), {
    logits: padChannels(logits, options.classes, options.storage),
    value: { bytes },
    classes: { bytes },
  });
  return { value: new Float32Array(result.value), class: new Uint32Array(result.classes) };
}

async function assertTopK(device: Device, logits: ArrayLike<number>, options: TopKOptions): Promise<void> {
  for (const target of targets(device)) {
    const name = `${JSON.stringify(options)} ${target.profile} ${target.storage}`;
    assertEquals(
      await topK(device, logits, { ...options, ...target }),
      topKReference(stored(logits, target.storage), options),
      name,
    );
  }
}

Deno.test("topKReference() orders by value, then by class, NaN last", () => {
  const logits = [NaN, 2, -1, 2, -Infinity, NaN, Infinity, -0, 0];
  const { value, class: classes } = topKReference(logits, { batch: 1, positions: 1, classes: 9, k: 9 });
  assertEquals([...classes], [6, 1, 3, 7, 8, 2, 4, 0, 5]);
  assertEquals([...value], [Infinity, 2, 2, 0, 0, -1, -Infinity, NaN, NaN]);
});

Deno.test("topKKernel() finds the largest logits of every position, rank-major for each image", async () => {
  const device = await testDevice();
  const cases: TopKOptions[] = [
    { batch: 2, positions: 7, classes: 37, k: 3 },
    { batch: 1, positions: 1, classes: 1, k: 1 },
    { batch: 3, positions: 5, classes: 24, k: 1 },
    { batch: 1, positions: 9, classes: 1000, k: 10 },
    { batch: 2, positions: 3, classes: 301, k: 50 },
    { batch: 1, positions: 2, classes: 1023, k: 16 },
    { batch: 1, positions: 2, classes: 259, k: 17 },
  ];
  for (const options of cases) {
    // 2,048 different numbers: the larger cases have ties too.
    await assertTopK(device, randomValues(options.batch * options.positions * options.classes, 21, 16), options);
  }
});

Deno.test("topKKernel() sorts all classes when k is their number", async () => {
  const device = await testDevice();
  for (const classes of [5, 67, 130]) {
    await assertTopK(device, randomValues(classes * 2, 5), { batch: 1, positions: 2, classes, k: classes });
  }
});

Deno.test("topKKernel() gives ties to the lower class", async () => {
  const device = await testDevice();
  const options = { batch: 1, positions: 2, classes: 203, k: 21 };
  await assertTopK(device, new Float32Array(406).fill(-3), options);
  await assertTopK(device, randomValues(406, 3).map((value) => Math.round(value * 2)), options);
});

Deno.test("topKKernel() takes logits that are all negative before its padding", async () => {
  const device = await testDevice();
  const logits = randomValues(3 * 13, 8).map((value) => value - 20);
  await assertTopK(device, logits, { batch: 1, positions: 3, classes: 13, k: 13 });
});

Deno.test("topKKernel() chooses NaN only where there are too few numbers, and shows it", async () => {
  const device = await testDevice();
  const logits = randomValues(2 * 150, 8).map((value, index) => index % 150 > 4 && index % 150 < 145 ? NaN : value);
  logits[0] = Infinity;
  logits[3] = logits[147] = -Infinity;
  await assertTopK(device, logits, { batch: 2, positions: 1, classes: 150, k: 5 });
  await assertTopK(device, logits, { batch: 2, positions: 1, classes: 150, k: 20 });
});

Deno.test("topKKernel() works on 21,843 classes with k of 50", async () => {
  const device = await testDevice();
  await assertTopK(device, randomValues(2 * 21843, 13, 64), { batch: 1, positions: 2, classes: 21843, k: 50 });
});

Deno.test("topKKernel() refuses a k beyond the classes", () => {
  for (const k of [0, 25, 1.5]) {
    assertThrows(
      () => topKKernel({ batch: 1, positions: 1, classes: 24, k, profile: "gpu", storage: "f32" }),
      RangeError,
      `top ${k} of 24 classes`,
    );
  }
});
