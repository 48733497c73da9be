import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Device } from "../../../kernels/engine/device.ts";
import { createLabelPooler } from "../../../kernels/programs/label_pooler.ts";
import { poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { assertClose } from "../compare.ts";
import { independentCases, poolingFixtures } from "../operations/label_pooling/fixture.ts";
import { randomMaps, variousCrops } from "../operations/label_pooling/maps.ts";
import { testDevice } from "../tensors.ts";

for (const profile of ["software", "gpu"] as const) {
  const withProfile = async (): Promise<Device> => {
    const device = await testDevice();
    return { ...device, capabilities: { ...device.capabilities, profile } };
  };

  Deno.test(`createLabelPooler() pools step after step, in each variant, ${profile}`, async () => {
    const device = await withProfile();
    const shape = { count: 3, k: 3, grid: [7, 5] as [number, number], classes: 13, dtype: "fp16" as const };
    for (const options of [{}, { mode: "local-single" }, { missing: "uniform", outputSize: [2, 1] }] as const) {
      const pooler = await createLabelPooler(device, { ...shape, ...options, maps: 3, crops: 30, frames: 2 });
      for (const seed of [1, 2]) {
        const maps = randomMaps({ ...shape, seed });
        const crops = variousCrops(3, seed);
        pooler.load(maps);
        assertClose(await pooler.pool(crops), poolLabels(maps, crops, options), {
          name: `targets of seed ${seed}`,
          absolute: 1e-5,
          relative: 1e-5,
        });
      }
      pooler.close();
    }
  });

  Deno.test(`createLabelPooler() pools scores of independent classes, ${profile}`, async () => {
    const device = await withProfile();
    for (const { name, maps, crops, options, target } of await independentCases()) {
      if (!name.endsWith("multi")) continue;
      const pooler = await createLabelPooler(device, { ...maps, ...options, maps: maps.count, crops: crops.length });
      pooler.load(maps);
      assertClose(await pooler.pool(crops), target, { name, absolute: 1e-5, relative: 0 });
      pooler.close();
    }
  });

  Deno.test(`createLabelPooler() gives torchvision's targets, and the same bits again, ${profile}`, async () => {
    const [{ maps, crops, targets }] = await poolingFixtures();
    const pooler = await createLabelPooler(await withProfile(), { ...maps, maps: 8, crops: 8 });
    pooler.load(maps);
    const first = await pooler.pool(crops);
    assertClose(first, targets.hw, { name: "target", absolute: 1e-5, relative: 0, shape: [8, 1000] });
    assertEquals(await pooler.pool(crops), first);
    pooler.close();
  });
}

Deno.test("createLabelPooler() makes no buffer after it was made", async () => {
  const device = await testDevice();
  const shape = { count: 2, k: 3, grid: [7, 5] as [number, number], classes: 13, dtype: "fp8_e4m3" as const };
  const before = device.memory.allocated;
  const pooler = await createLabelPooler(device, { ...shape, maps: 2, crops: 28, frames: 2 });
  const { allocated } = device.memory;
  device.memory.highWater = allocated;
  pooler.load(randomMaps({ ...shape, seed: 1 }));
  await pooler.pool(variousCrops(2, 1));
  assertEquals(device.memory.highWater, allocated);
  pooler.close();
  assertEquals(device.memory.allocated, before);
});

Deno.test("createLabelPooler() refuses maps of another kind, too many, and crops of none", async () => {
  const device = await testDevice();
  const shape = { count: 2, k: 3, grid: [7, 5] as [number, number], classes: 13, dtype: "fp16" as const };
  const pooler = await createLabelPooler(device, { ...shape, maps: 2, crops: 2 });
  const whole = { top: 0, left: 0, height: 1, width: 1 };
  await assertRejects(() => pooler.pool([whole]), RangeError, "Cannot pool crop 0: map 0 is not among the 0 maps");
  assertThrows(
    () => pooler.load(randomMaps({ ...shape, grid: [5, 7], seed: 1 })),
    TypeError,
    "Cannot pool label maps: grid is 5,7, expected 7,5",
  );
  assertThrows(
    () => pooler.load({ ...randomMaps({ ...shape, seed: 1 }), scores: "sigmoid", floor: -4 }),
    TypeError,
    "Cannot pool label maps: scores is sigmoid, expected softmax",
  );
  assertThrows(() => pooler.load(randomMaps({ ...shape, count: 3, seed: 1 })), RangeError, "Cannot pool 3 label maps");
  pooler.load(randomMaps({ ...shape, seed: 1 }));
  await assertRejects(() => pooler.pool([whole, whole, whole]), RangeError, "Cannot pool 3 crops: the step has 2");
  pooler.close();
});
