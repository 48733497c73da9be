import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { permutation } from "../../../formats/base/permutation.ts";

Deno.test("permutation() holds every number once", () => {
  for (const length of [0, 1, 2, 1000, 65537]) {
    const numbers = permutation(length, { seed: 5, epoch: 2 });
    assertEquals(numbers.length, length);
    assertEquals(numbers.toSorted(), Uint32Array.from({ length }, (_, index) => index));
  }
});

Deno.test("permutation() gives the same order again, and another for each seed and epoch", () => {
  const orders = [[0, 0], [0, 1], [1, 0], [-1, 0], [2 ** 32, 0], [2 ** 33 + 1, 0], [1, 1]].map(([seed, epoch]) =>
    permutation(50, { seed, epoch }).join()
  );
  assertEquals(new Set(orders).size, orders.length);
  assertEquals(permutation(50, { seed: 0, epoch: 1 }).join(), orders[1]);
  // The order of a seed is for ever: a run that goes on elsewhere must find it again.
  assertEquals([...permutation(10, { seed: 42 })], [3, 7, 0, 2, 5, 6, 8, 4, 1, 9]);
  assertNotEquals(orders[0], Array.from({ length: 50 }, (_, index) => index).join());
});

Deno.test("permutation() makes every order of four as often", () => {
  const counts = new Map<string, number>();
  const draws = 24_000;
  for (let seed = 0; seed < draws; seed++) {
    const order = permutation(4, { seed }).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 24);
  // Chi-squared with 23 degrees of freedom is below 49.7 in 999 of 1,000 draws.
  const statistic = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert(statistic < 49.7, `chi-squared is ${statistic}`);
});
