import { assertThrows } from "@std/assert";
import { outlookAttentionShape } from "../../../../kernels/operations/outlook_attention/shape.ts";

Deno.test("outlookAttentionShape() refuses logits of other windows, and heads that share a vector", () => {
  const options = { heads: 2, stride: [2, 2], scale: 1 } as const;
  assertThrows(
    () => outlookAttentionShape([1, 4, 4, 16], [1, 4, 4, 162], options),
    TypeError,
    "they are to be [1, 2, 2, 162]",
  );
  assertThrows(
    () => outlookAttentionShape([1, 4, 4, 12], [1, 2, 2, 162], options),
    TypeError,
    "2 heads of 6 channels",
  );
});
