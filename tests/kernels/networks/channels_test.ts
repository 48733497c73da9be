import { assertEquals } from "@std/assert";
import { makeDivisible, roundHalfToEven } from "../../../kernels/networks/channels.ts";

Deno.test("makeDivisible() rounds to the nearest multiple, at least one", () => {
  assertEquals(makeDivisible(35, 8), 32);
  assertEquals(makeDivisible(36, 8), 40);
  assertEquals(makeDivisible(1, 8), 8);
  assertEquals(makeDivisible(17, 1), 17);
});

Deno.test("makeDivisible() rounds up where rounding down loses more than a tenth", () => {
  assertEquals(makeDivisible(19, 8), 24); // 16 is 84 % of 19
  assertEquals(makeDivisible(17, 8), 16); // 16 is 94 % of 17
});

Deno.test("roundHalfToEven() rounds ties to the even integer", () => {
  assertEquals([0.5, 1.5, 2.5, 3.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfToEven), [0, 2, 2, 4, 0, -2, 2, 3]);
});
