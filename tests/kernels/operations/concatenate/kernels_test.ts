import { assertThrows } from "@std/assert";
import { concatenateShape } from "../../../../kernels/operations/concatenate/kernels.ts";

Deno.test("concatenateShape() refuses tensors of other sizes, and none", () => {
  assertThrows(() => concatenateShape([[1, 4, 4, 8], [1, 4, 2, 8]]), TypeError, "[1, 4, 4, 8], [1, 4, 2, 8]");
  assertThrows(() => concatenateShape([]), TypeError, "Cannot concatenate");
});
