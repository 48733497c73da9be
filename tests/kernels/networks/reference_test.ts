/** Expected values are those of PyTorch's `avg_pool2d`, `max_pool2d` and `pad`. */

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { Pool } from "../../../kernels/operations/pool/rule.ts";
import { type Computed, runOperation, type Tensor } from "./reference.ts";

/** 1 to 20 as an image of 4 x 5 pixels. */
const image: Tensor = { shape: [1, 4, 5, 1], data: Float32Array.from({ length: 20 }, (_, index) => index + 1) };
const negative: Tensor = { ...image, data: image.data.map((value) => -value) };

function pool(input: Tensor, options: Omit<Pool, "type" | "input" | "output">): Computed {
  return runOperation({ type: "pool", input: "in", output: "out", ...options }, new Map([["in", input]]), new Map());
}

function assertPool(actual: Computed, shape: number[], expected: number[]): void {
  assertEquals(actual.shape, shape);
  expected.forEach((value, index) => assertAlmostEquals(actual.data[index], value, 1e-5));
}

Deno.test("average pooling counts padding, or does not", () => {
  const window = { mode: "average", kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const;
  assertPool(pool(image, window), [1, 2, 3, 1], [64, 132, 112, 276, 468, 348].map((value) => value / 36));
  assertPool(
    pool(image, { ...window, countPadding: false }),
    [1, 2, 3, 1],
    [144, 198, 252, 414, 468, 522].map((value) => value / 36),
  );
});

Deno.test("average pooling in ceil mode weighs only what the window covers", () => {
  const window = { mode: "average", kernel: [2, 2], stride: [2, 2], ceilMode: true } as const;
  assertPool(
    pool(image, { ...window, padding: [0, 0], countPadding: false }),
    [1, 2, 3, 1],
    [144, 216, 270, 504, 576, 630].map((value) => value / 36),
  );
  assertPool(
    pool(image, { ...window, padding: [1, 1] }),
    [1, 3, 3, 1],
    [9, 45, 81, 153, 360, 432, 144, 315, 351].map((value) => value / 36),
  );
});

Deno.test("maximum pooling pads with minus infinity", () => {
  const window = { mode: "max", kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const;
  assertPool(pool(negative, window), [1, 2, 3, 1], [-1, -2, -4, -6, -7, -9]);
  assertPool(pool(negative, { ...window, ceilMode: true }), [1, 3, 3, 1], [-1, -2, -4, -6, -7, -9, -16, -17, -19]);
});

Deno.test("SAME padding puts the odd pixel at the bottom and right", () => {
  const output = pool(image, { mode: "max", kernel: [3, 3], stride: [2, 2], padding: "same" });
  assertPool(output, [1, 2, 3, 1], [12, 14, 15, 17, 19, 20]);
});

Deno.test("a residual with fewer channels is added to the first ones", () => {
  const tensors = new Map<string, Tensor>([
    ["in", { shape: [1, 1, 2, 3], data: new Float32Array([1, 2, 3, 4, 5, 6]) }],
    ["short", { shape: [1, 1, 2, 2], data: new Float32Array([10, 20, 30, 40]) }],
  ]);
  const sum = runOperation({ type: "add", input: "in", residual: "short", output: "out" }, tensors, new Map());
  assertEquals([...sum.data], [11, 22, 3, 34, 45, 6]);
});

Deno.test("runOperation() refuses a parameter of another shape", () => {
  assertThrows(
    () =>
      runOperation(
        { type: "linear", input: "in", output: "out", weight: "w", inputChannels: 1, outputChannels: 2 },
        new Map([["in", image]]),
        new Map([["w", { shape: [1, 2], data: new Float32Array(2) }]]),
      ),
    TypeError,
    'Cannot run reference: "w" has shape [1,2], expected [2,1]',
  );
});
