import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Profile } from "../../../../kernels/engine/kernel.ts";
import {
  cellWeightsKernel,
  finishKernel,
  oneHotKernel,
  packFrames,
  packRegions,
  poolCellsKernel,
} from "../../../../kernels/operations/label_pooling/kernels.ts";
import {
  cellWeights,
  type Crop,
  HORIZONTAL_FLIP,
  type PoolingOptions,
  poolingRule,
  poolLabels,
  resolvePooling,
  rotation,
  samplingRegions,
} from "../../../../kernels/operations/label_pooling/mod.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { randomValues, testDevice, unpadChannels } from "../../tensors.ts";
import { FIXTURE_OPTIONS, independentCases, poolingFixtures } from "./fixture.ts";
import { randomMaps, variousCrops } from "./maps.ts";
import { dequantise, quantise } from "../../../../formats/base/scores.ts";
import type { LabelMapBatch, ScoreKind } from "../../../../formats/base/label_map.ts";

const PROFILES: readonly Profile[] = ["software", "gpu"];

/** LabelPooling kernel by kernel, each into buffers full of NaN. */
async function poolOnDevice(
  device: Device,
  maps: LabelMapBatch,
  crops: readonly Crop[],
  options: PoolingOptions,
  profile: Profile,
): Promise<number[]> {
  const { interpolation, outputSize, temperature } = resolvePooling(options);
  const rule = poolingRule(maps, options);
  const { grid, classes } = maps;
  const bins = outputSize[0] * outputSize[1];
  const rows = crops.length * bins;
  const sampled = samplingRegions(maps, crops, options);
  const regions = packRegions(sampled);
  const count = Math.max(...sampled.map(({ frames }) => frames.length));
  const frames = packFrames(sampled, count);
  const { weights } = await runKernel(
    device,
    cellWeightsKernel({ crops: crops.length, frames: count, grid, outputSize, interpolation, profile }),
    { regions, ...count > 0 ? { frames } : {}, weights: { bytes: rows * grid[0] * grid[1] * 4 } },
  );
  const bytes = rows * Math.ceil(classes / 4) * 16;
  const { pooled } = await runKernel(
    device,
    poolCellsKernel({ crops: crops.length, bins, rule, temperature, profile, ...maps }),
    { regions, weights: new Float32Array(weights), classWords: maps.class, scoreWords: maps.score, pooled: { bytes } },
  );
  const kernel = finishKernel({ rows, classes, rule, profile });
  if (!kernel) return unpadChannels(pooled, classes, "f32");
  const { output } = await runKernel(device, kernel, { input: new Float32Array(pooled), output: { bytes } });
  return unpadChannels(output, classes, "f32");
}

for (const profile of PROFILES) {
  for (const interpolation of ["bilinear", "nearest"] as const) {
    Deno.test(`cellWeightsKernel() ${interpolation} gives the weights of the reference, ${profile}`, async () => {
      const device = await testDevice();
      const crops = variousCrops(2, 5);
      for (
        const { grid, outputSize } of [
          { grid: [7, 5], outputSize: [1, 1] },
          { grid: [15, 15], outputSize: [1, 1] },
          { grid: [1, 1], outputSize: [1, 1] },
          { grid: [5, 11], outputSize: [3, 2] },
        ] as const
      ) {
        const options = { index: 0, grid, outputSize, interpolation };
        const regions = samplingRegions({ count: 2, grid }, crops, { outputSize, interpolation });
        const bins = outputSize[0] * outputSize[1];
        const expected = regions.flatMap((region) =>
          Array.from({ length: bins }, (_, bin) => [...cellWeights(region, { ...options, bin })]).flat()
        );
        const kernel = cellWeightsKernel({ crops: crops.length, frames: 3, ...options, profile });
        const frames = packFrames(regions, 3);
        const values = { regions: packRegions(regions), frames, weights: { bytes: expected.length * 4 } };
        const { weights } = await runKernel(device, kernel, values);
        assertClose(new Float32Array(weights), expected, {
          name: `weights of ${grid.join(" x ")}`,
          absolute: 2e-6,
          relative: 0,
          shape: [crops.length, bins, ...grid],
        });
      }
    });
  }

  Deno.test(`LabelPooling's kernels give torchvision's targets within 1e-5, ${profile}`, async () => {
    const device = await testDevice();
    for (const { name, maps, crops, targets } of await poolingFixtures()) {
      for (const fixture of Object.keys(FIXTURE_OPTIONS) as (keyof typeof FIXTURE_OPTIONS)[]) {
        assertClose(await poolOnDevice(device, maps, crops, FIXTURE_OPTIONS[fixture], profile), targets[fixture], {
          name: `${name} ${fixture}`,
          absolute: 1e-5,
          relative: 0,
          shape: [maps.count, maps.classes],
        });
      }
    }
  });

  Deno.test(`LabelPooling's kernels give torchvision's targets of independent classes, ${profile}`, async () => {
    const device = await testDevice();
    for (const { name, maps, crops, options, target } of await independentCases()) {
      assertClose(await poolOnDevice(device, maps, crops, options, profile), target, {
        name,
        absolute: 1e-5,
        relative: 0,
        shape: [maps.count, maps.classes],
      });
    }
  });

  const shapes = [
    { count: 1, k: 1, grid: [1, 1], classes: 2, dtype: "fp32" },
    { count: 3, k: 3, grid: [7, 5], classes: 13, dtype: "fp16" },
    { count: 2, k: 5, grid: [15, 15], classes: 1000, dtype: "fp8_e4m3" },
    { count: 2, k: 2, grid: [3, 3], classes: 70001, dtype: "fp8_e5m2" },
    { count: 2, k: 7, grid: [19, 17], classes: 7, dtype: "fp32" },
  ] as const;
  for (const [index, shape] of shapes.entries()) {
    const { count, k, grid, classes, dtype } = shape;
    Deno.test(
      `LabelPooling's kernels give the reference's targets: ${count} ${dtype} maps of [${k}, ${grid.join(", ")}], ` +
        `${classes} classes, ${profile}`,
      async () => {
        const device = await testDevice();
        const maps = randomMaps({ ...shape, grid: [...grid], seed: index });
        const crops = variousCrops(count, index);
        const variants: PoolingOptions[] = [
          {},
          { missing: "uniform", layout: "wh" },
          { missing: "renormalise", temperature: 2 },
          { interpolation: "nearest", temperature: 0.5 },
          { mode: "local-single" },
          { mode: "global-multi", missing: "uniform" },
        ];
        const independent: [ScoreKind, PoolingOptions][] = [
          ["sigmoid", {}],
          ["sigmoid", { layout: "wh", temperature: 0.5 }],
          ["sigmoid", { mode: "local-single" }],
          ["sigmoid", { presenceThreshold: 0.9, temperature: 2 }],
          ["presence", { presenceThreshold: 0.07, outputSize: classes < 2000 ? [2, 1] : 1 }],
          ["presence", { interpolation: "nearest" }],
          ["presence", { mode: "global-single" }],
        ];
        if (classes < 2000) variants.push({ outputSize: [2, 3] }, { outputSize: 2, missing: "renormalise" });
        const shares = Float32Array.from(
          dequantise(maps.score, dtype),
          (score) => Math.min(Math.max(score, 0), 10) / 10,
        );
        for (const [scores, options] of independent) {
          const said: LabelMapBatch = scores === "presence"
            ? { ...maps, scores, score: quantise(shares, dtype) }
            : { ...maps, scores, ...k < classes ? { floor: -2.5 } : {} };
          assertClose(
            await poolOnDevice(device, said, crops, options, profile),
            poolLabels(said, crops, options),
            {
              name: `${scores} ${JSON.stringify(options)}`,
              absolute: 1e-5,
              relative: 1e-5,
              shape: [crops.length, classes],
            },
          );
        }
        for (const options of variants) {
          assertClose(
            await poolOnDevice(device, maps, crops, options, profile),
            poolLabels(maps, crops, options),
            { name: JSON.stringify(options), absolute: 1e-5, relative: 1e-5, shape: [crops.length, classes] },
          );
        }
      },
    );
  }

  Deno.test(`oneHotKernel() takes the first of equal values, and none where all are equal, ${profile}`, async () => {
    const device = await testDevice();
    for (const classes of [1, 3, 64, 65, 300]) {
      const rows = 5;
      const values = randomValues(rows * classes, classes).map((value) => Math.round(value * 4) - 8);
      values.fill(-3, 2 * classes, 3 * classes);
      const padded = Math.ceil(classes / 4) * 4;
      const input = new Float32Array(rows * padded).fill(NaN);
      for (let row = 0; row < rows; row++) input.set(values.slice(row * classes, (row + 1) * classes), row * padded);
      const kernel = oneHotKernel({ rows, classes, alike: 1 / classes, profile });
      const { output } = await runKernel(device, kernel, { input, output: { bytes: rows * padded * 4 } });
      const expected = Array.from({ length: rows }, (_, row) => {
        const own = values.slice(row * classes, (row + 1) * classes);
        if (row === 2) return own.map(() => Math.fround(1 / classes));
        const best = own.indexOf(Math.max(...own));
        return own.map((_, index) => index === best ? 1 : 0);
      }).flat();
      assertEquals(unpadChannels(output, classes, "f32"), expected);
    }
  });
}

Deno.test("packFrames() refuses a crop whose picture was cut off more often than there is room for", () => {
  const turns = [rotation(10), rotation(20), HORIZONTAL_FLIP];
  const crop: Crop = { top: 0, left: 0, height: 1, width: 1, warp: rotation(30), frames: turns };
  const regions = samplingRegions({ count: 1, grid: [7, 7] }, [crop], {});
  assertEquals(packFrames(regions, 2).length, 16);
  assertThrows(() => packFrames(regions, 1), RangeError, "was cut off at its edges 2 times, expected at most 1");
});

Deno.test("packRegions() refuses a warp with more samples than it can count", () => {
  const crop: Crop = { top: 0, left: 0, height: 1, width: 1, warp: [1e6, 0, 0, 0, 1, 0] };
  const regions = samplingRegions({ count: 1, grid: [7, 7] }, [crop], {});
  assertThrows(() => packRegions(regions), RangeError, "asks for 7 x 7000000 samples");
});
