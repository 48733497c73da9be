import { assertEquals, assertThrows } from "@std/assert";
import { type PoolOptions, poolReference, poolShape } from "../../../../kernels/operations/pool/kernels.ts";
import { assertClose } from "../../compare.ts";

/** PyTorch 2's `max_pool2d`, `avg_pool2d` and `avg_pool2d(count_include_pad=False)` of 0 to 23 as a 4 x 6 image. */
const PYTORCH = [
  {
    options: { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceilMode: true },
    max: [7, 9, 11, 11, 19, 21, 23, 23, 19, 21, 23, 23],
    average: [1.55556, 3.33333, 4.66667, 2.66667, 8.33333, 14, 16, 8.5, 6.16667, 10, 11, 5.75],
    averageOfInput: [3.5, 5, 7, 8, 12.5, 14, 16, 17, 18.5, 20, 22, 23],
  },
  {
    options: { kernel: [3, 3], stride: [3, 3], padding: [1, 1], ceilMode: true },
    max: [7, 10, 11, 19, 22, 23],
    average: [1.55556, 4, 2.66667, 6.88889, 12, 6.66667],
    averageOfInput: [3.5, 6, 8, 15.5, 18, 20],
  },
  {
    options: { kernel: [2, 2], stride: [3, 3], padding: [1, 1], ceilMode: true },
    max: [0, 3, 5, 18, 21, 23],
    average: [0, 1.25, 1.25, 7.5, 17.5, 10],
    averageOfInput: [0, 2.5, 5, 15, 17.5, 20],
  },
] as const;

Deno.test("poolReference() agrees with PyTorch about padding and ceil_mode", () => {
  const input = Array.from({ length: 24 }, (_, index) => index);
  for (const { options, max, average, averageOfInput } of PYTORCH) {
    const pool = (rest: Pick<PoolOptions, "mode" | "countPadding">) =>
      poolReference(input, [1, 4, 6, 1], { ...options, ...rest });
    assertEquals([...pool({ mode: "max" })], [...max]);
    const tolerance = { absolute: 1e-5, relative: 0, name: "average" };
    assertClose(pool({ mode: "average" }), average, tolerance);
    assertClose(pool({ mode: "average", countPadding: false }), averageOfInput, tolerance);
  }
});

Deno.test("poolShape() rounds down, up with ceilMode, and pads as TensorFlow for same", () => {
  const pool = { mode: "max", kernel: [3, 2], stride: [2, 2], padding: [1, 0] } as const;
  assertEquals(poolShape([5, 112, 7, 6], pool), [5, 56, 3, 6]);
  assertEquals(poolShape([5, 112, 7, 6], { ...pool, ceilMode: true }), [5, 57, 4, 6]);
  assertEquals(poolShape([5, 113, 7, 6], { ...pool, padding: "same" }), [5, 57, 4, 6]);
});

Deno.test("poolShape() refuses padding beyond half of the kernel and windows that do not fit", () => {
  const pool = { mode: "max", kernel: [3, 3], stride: [1, 1], padding: [2, 0] } as const;
  assertThrows(() => poolShape([1, 8, 8, 4], pool), RangeError, "padding 2 x 0");
  assertThrows(() => poolShape([1, 2, 8, 4], { ...pool, padding: [0, 0] }), RangeError, "window of 3 on 2 elements");
});
