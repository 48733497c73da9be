import { assertEquals, assertThrows } from "@std/assert";
import { parameterStrides } from "../../../../kernels/operations/shared/flat_parameter.ts";

Deno.test("parameterStrides() reads axes as positions and channels wherever they lie evenly", () => {
  assertEquals(parameterStrides([1, 10, 16], [0, 1, 2], { positions: 10, channels: 16 }), { position: 16, channel: 1 });
  assertEquals(
    parameterStrides([1, 8, 5, 7], [0, 2, 3, 1], { positions: 35, channels: 8 }),
    { position: 1, channel: 35 },
  );
  assertEquals(parameterStrides([4, 3, 6], [0, 1, 2], { positions: 4, channels: 18 }), { position: 18, channel: 1 });
});

Deno.test("parameterStrides() refuses a parameter of other sizes, and axes that do not lie evenly", () => {
  const size = { positions: 10, channels: 16 };
  assertThrows(
    () => parameterStrides([1, 11, 16], [0, 1, 2], size),
    TypeError,
    "shape [1, 11, 16], axes in the order 0, 1, 2, as 10 positions of 16 channels",
  );
  assertThrows(() => parameterStrides([5, 16, 2], [2, 0, 1], size), TypeError, "order 2, 0, 1");
});
