import { assertEquals } from "@std/assert";
import { type PoolOptions, poolReference, poolShape } from "../../../../kernels/operations/pool/kernels.ts";
import { poolGradientKernel, poolGradientReference } from "../../../../kernels/operations/pool/gradient.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { differenceGradient, weighedSum } from "../../finite_differences.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

const CASES: { shape: Shape; pool: Omit<PoolOptions, "mode" | "countPadding"> }[] = [
  { shape: [2, 11, 13, 5], pool: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
  { shape: [1, 7, 6, 8], pool: { kernel: [2, 3], stride: [2, 1], padding: "same" } },
  { shape: [3, 5, 4, 3], pool: { kernel: [2, 2], stride: [2, 2], padding: [0, 0], ceilMode: true } },
  { shape: [1, 9, 10, 17], pool: { kernel: [3, 4], stride: [2, 3], padding: [1, 2], ceilMode: true } },
  { shape: [1, 11, 8, 2], pool: { kernel: [2, 2], stride: [3, 3], padding: [1, 1] } },
  { shape: [1, 1, 1, 1], pool: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } },
];

const MODES = [
  { mode: "max" },
  { mode: "average" },
  { mode: "average", countPadding: false },
] as const;

function count(shape: Shape): number {
  return shape.reduce((product, size) => product * size);
}

for (const mode of MODES) {
  const label = mode.mode === "max" ? "max" : "countPadding" in mode ? "average of the input" : "average with padding";

  Deno.test(`poolGradientKernel() differentiates ${label} over windows of any size, stride and padding`, async () => {
    const device = await testDevice();
    for (const { shape, pool: window } of CASES) {
      const pool = { ...mode, ...window };
      const channels = shape[3];
      // Four values only, all negative: windows have several largest elements, and padding would be larger.
      const input = randomValues(count(shape), 3, 2).map((value) => Math.floor(value) - 3);
      const output = poolReference(input, shape, pool);
      const outputShape = poolShape(shape, pool);
      const outputGradient = randomValues(output.length, 4);
      for (const target of targets(device)) {
        const { storage } = target;
        const kernel = poolGradientKernel({ shape, pool, ...target });
        const { inputGradient } = await runKernel(device, kernel, {
          input: padChannels(input, channels, storage),
          output: padChannels(output, channels, storage),
          outputGradient: padChannels(outputGradient, channels, storage),
          inputGradient: { bytes: tensorBytes(shape, storage) },
        });
        const expected = poolGradientReference(input, outputGradient, shape, pool);
        assertClose(unpadChannels(inputGradient, channels, storage), expected, {
          ...sumTolerance(storage, 12),
          shape,
          name: `${kernel.name} of ${outputShape.join(" x ")}`,
        });
      }
    }
  });

  Deno.test(`poolGradientReference() of ${label} agrees with finite differences`, () => {
    for (const { shape, pool: window } of CASES.slice(1)) {
      const pool = { ...mode, ...window };
      // All different and further apart than a difference's two evaluations.
      const input = randomValues(count(shape), 3, 0.25).map((value, index) => value + ((index * 7919) % 10007));
      const outputGradient = randomValues(count(poolShape(shape, pool)), 4);
      const loss = (values: Float64Array) => weighedSum(poolReference(values, shape, pool), outputGradient);
      assertClose(poolGradientReference(input, outputGradient, shape, pool), differenceGradient(loss, input), {
        absolute: 1e-6,
        relative: 1e-6,
        name: `gradient of ${shape.join(" x ")}`,
      });
    }
  });
}

Deno.test("poolGradientReference() gives all to the first of equal maxima, as PyTorch", () => {
  // PyTorch 2.15's gradient of `max_pool2d(x, 3, 2, 1, ceil_mode=True)`, 1 to 9 being that of its output.
  const overlapping = { mode: "max", kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceilMode: true } as const;
  const image = [1, 2, 2, 0, 2, 2, 1, 3, 3, 1, 3, 3, 0, 3, 3, 3];
  assertEquals(
    [...poolGradientReference(image, [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 4, 4, 1], overlapping)],
    [0, 1, 0, 0, 0, 0, 0, 16, 4, 0, 0, 0, 0, 15, 0, 9],
  );
  const pool = { mode: "max", kernel: [2, 2], stride: [1, 1], padding: [0, 0] } as const;
  const input = [1, 2, 2, 2, 2, 0];
  assertEquals([...poolGradientReference(input, [10, 100], [1, 2, 3, 1], pool)], [0, 110, 0, 0, 0, 0]);
});
