import { assertThrows } from "@std/assert";
import { multiplyShape } from "../../../../kernels/operations/multiply/kernels.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";

Deno.test("multiplyShape() refuses a gate of another batch, size or width", () => {
  for (const gate of [[1, 1, 1, 8], [2, 2, 1, 8], [2, 1, 1, 4]] as Shape[]) {
    assertThrows(() => multiplyShape([2, 4, 4, 8], gate), TypeError, `gate of shape [${gate.join(", ")}]`);
  }
});
