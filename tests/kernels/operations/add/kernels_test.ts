import { assertThrows } from "@std/assert";
import { addShape } from "../../../../kernels/operations/add/kernels.ts";

Deno.test("addShape() refuses a residual that is wider, or of another size", () => {
  assertThrows(() => addShape([1, 4, 4, 8], [1, 4, 4, 9]), TypeError, "residual of shape [1, 4, 4, 9] to [1, 4, 4, 8]");
  assertThrows(() => addShape([1, 4, 4, 8], [1, 4, 2, 8]), TypeError, "[1, 4, 2, 8]");
});
