import { assert } from "@std/assert";
import { runKernel } from "../../../../kernels/engine/run.ts";
import {
  addMapKernel,
  coarserMapKernel,
  independentProbabilitiesKernel,
  logitsKernel,
  mirrorImagesKernel,
} from "../../../../kernels/operations/map_average/kernels.ts";
import { coarserMapReference, meanMapReference } from "../../../../kernels/operations/map_average/reference.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import type { Pair } from "../../../../kernels/operations/shared/window.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

function length(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

Deno.test("mirrorImagesKernel() mirrors each image into the second half of the batch", async () => {
  const device = await testDevice();
  const shape: Shape = [2, 3, 5, 3];
  const images = randomValues(length(shape), 1);
  const mirrored = images.map((_, index) => {
    const x = Math.floor(index / 3) % 5;
    return images[index + 3 * (4 - 2 * x)];
  });
  for (const target of targets(device)) {
    const { images: output } = await runKernel(device, mirrorImagesKernel({ shape, ...target }), {
      images: { update: padChannels([...images, ...images.map(() => NaN)], 3, target.storage) },
    });
    assertClose(unpadChannels(output, 3, target.storage), [...images, ...mirrored], {
      absolute: 0,
      relative: 0,
      name: `mirrored, ${target.profile} ${target.storage}`,
    });
  }
});

const added: readonly { grid: Pair; total: Pair; pictures: 1 | 2; classes: number }[] = [
  { grid: [3, 5], total: [3, 5], pictures: 1, classes: 7 },
  { grid: [3, 5], total: [3, 5], pictures: 2, classes: 8 },
  { grid: [2, 3], total: [5, 7], pictures: 2, classes: 5 },
  { grid: [5, 1], total: [5, 4], pictures: 1, classes: 4 },
];

for (const { grid, total: [height, width], pictures, classes } of added) {
  const what = `${grid.join(" x ")} map${pictures === 2 ? ", and that of the mirrored picture," : ""}`;
  Deno.test(`addMapKernel() adds a ${what} of ${classes} classes to one of ${height} x ${width}`, async () => {
    const device = await testDevice();
    const batch = 2;
    const total: Shape = [batch, height, width, classes];
    const cells = length(grid) * classes;
    const map = randomValues(pictures * batch * cells, 3);
    const before = randomValues(length(total), 4);
    const mean = Array.from({ length: batch }, (_, image) => {
      const pictureOf = (picture: number) => ({
        logits: map.slice((picture * batch + image) * cells, (picture * batch + image + 1) * cells),
        grid,
        mirrored: picture === 1,
      });
      const others = { logits: new Float64Array(length(total) / batch), grid: [height, width] as const };
      // The third part is on the sum's grid and zero, so that the grid in common is the sum's.
      const averaged = [pictureOf(0), ...pictures === 2 ? [pictureOf(1)] : [], { ...others, mirrored: false }];
      const options = { classes, temperature: 1, average: "logits" } as const;
      return [...meanMapReference(averaged, options)].map((value) => value * averaged.length);
    }).flat();
    for (const target of targets(device)) {
      for (const isFirst of [true, false]) {
        const kernel = addMapKernel({ total, grid, pictures, weight: 0.5, isFirst, ...target });
        const { total: output } = await runKernel(device, kernel, {
          map: padChannels(map, classes, target.storage),
          total: { update: padChannels(isFirst ? before.map(() => NaN) : before, classes, "f32") },
        });
        const expected = mean.map((value, index) => 0.5 * value + (isFirst ? 0 : before[index]));
        assertClose(unpadChannels(output, classes, "f32"), expected, {
          absolute: 1e-6,
          relative: 1e-6,
          shape: total,
          name: kernel.name,
        });
      }
    }
  });
}

Deno.test("coarserMapKernel() averages the cells that each coarser one covers", async () => {
  const device = await testDevice();
  for (const [from, to] of [[[6, 4], [3, 2]], [[5, 7], [3, 4]], [[3, 3], [1, 1]]] as [Pair, Pair][]) {
    for (const classes of [5, 8]) {
      const shape: Shape = [2, ...from, classes];
      const map = randomValues(length(shape), 5);
      const half = map.length / 2;
      const expected = [map.slice(0, half), map.slice(half)].flatMap((image) => [
        ...coarserMapReference(image, { classes, from, to }),
      ]);
      for (const profile of ["software", "gpu"] as const) {
        const { coarser } = await runKernel(device, coarserMapKernel({ shape, grid: to, profile }), {
          map: padChannels(map, classes, "f32"),
          coarser: { bytes: tensorBytes([2, ...to, classes], "f32") },
        });
        assertClose(unpadChannels(coarser, classes, "f32"), expected, {
          absolute: 1e-6,
          relative: 1e-6,
          name: `${from.join(" x ")} to ${to.join(" x ")}, ${profile}`,
        });
      }
    }
  }
});

Deno.test("logitsKernel() gives finite logarithms, of nothing too, and leaves padding zero", async () => {
  const device = await testDevice();
  const shape: Shape = [1, 1, 2, 3];
  const map = [0.5, 1, 0, 1e-30, 0.25, 1e-45];
  for (const profile of ["software", "gpu"] as const) {
    const { logits } = await runKernel(device, logitsKernel({ shape, scores: "softmax", profile }), {
      map: padChannels(map, 3, "f32"),
      logits: { bytes: tensorBytes(shape, "f32") },
    });
    const output = unpadChannels(logits, 3, "f32");
    assert(output.every(Number.isFinite));
    assertClose(output, map.map((value) => Math.log(Math.max(value, 2 ** -126))), {
      absolute: 1e-6,
      relative: 1e-5,
      name: profile,
    });
  }
});

Deno.test("logitsKernel() gives the log odds of independent classes, finite for 0 and 1", async () => {
  const device = await testDevice();
  const shape: Shape = [1, 1, 2, 3];
  const map = [0.5, 1, 0, 1e-30, 0.25, 0.999];
  for (const profile of ["software", "gpu"] as const) {
    const { logits } = await runKernel(device, logitsKernel({ shape, scores: "sigmoid", profile }), {
      map: padChannels(map, 3, "f32"),
      logits: { bytes: tensorBytes(shape, "f32") },
    });
    const expected = map.map((value) => Math.log(Math.max(value, 2 ** -126)) - Math.log(Math.max(1 - value, 2 ** -24)));
    assertClose(unpadChannels(logits, 3, "f32"), expected, { absolute: 1e-4, relative: 1e-5, name: profile });
  }
});

Deno.test("independentProbabilitiesKernel() gives the sigmoid of each logit by the temperature, and leaves padding zero", async () => {
  const device = await testDevice();
  const shape: Shape = [2, 3, 1, 7];
  const map = [...randomValues(length(shape) - 2, 6, 9), 1000, -1000];
  for (const target of targets(device)) {
    const kernel = independentProbabilitiesKernel({ shape, temperature: 2, ...target });
    const { probabilities } = await runKernel(device, kernel, {
      map: padChannels(map, 7, target.storage),
      probabilities: { bytes: tensorBytes(shape, "f32") },
    });
    const expected = map.map((value) => 1 / (1 + Math.exp(-value / 2)));
    const absolute = target.storage === "f16" ? 1e-3 : 1e-6;
    assertClose(unpadChannels(probabilities, 7, "f32"), expected, { absolute, relative: 1e-5, name: kernel.name });
  }
});
