import { assertEquals } from "@std/assert";
import { poolGradientReference } from "../../../../kernels/operations/pool/gradient.ts";

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
