import { assertEquals } from "@std/assert";
import { differencePixels, largestDifference } from "../../../../pipeline/explore/page/heat_difference.ts";

Deno.test("differencePixels() are red where the second is higher, blue where the first is, opaque at the most", () => {
  const first = [0.2, 0.9, 0.5];
  const second = [0.6, 0.7, 0.5];
  const pixels = differencePixels(first, second);
  const cells = [0, 1, 2].map((cell) => [...pixels.subarray(cell * 4, cell * 4 + 4)]);
  const [higher, lower, same] = cells;
  assertEquals([higher[3], lower[3], same[3]], [255, 128, 0]);
  assertEquals(higher[0] > higher[2], true);
  assertEquals(lower[2] > lower[0], true);
});

Deno.test("largestDifference() is 0 of equals, whose picture is clear", () => {
  assertEquals(largestDifference([0.1, 0.9], [0.5, 0.7]), 0.4);
  assertEquals(largestDifference([0.1], [0.1]), 0);
  assertEquals([...differencePixels([0.1], [0.1])].at(3), 0);
});
