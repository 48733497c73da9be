import { assert, assertEquals } from "@std/assert";
import { wordsOf } from "../../../formats/base/murmur_hash.ts";
import { randomWords } from "../../../formats/base/random_words.ts";

function first(count: number, key: readonly number[]): number[] {
  const next = randomWords(key);
  return Array.from({ length: count }, next);
}

Deno.test("randomWords() gives the same sequence for a key, and another for each key", () => {
  const keys = [[], [0], [1], [-1], [0, 0], [0, 1], [1, 0], [...wordsOf(2 ** 33)], [...wordsOf(-1)]];
  const sequences = keys.map((key) => first(4, key).join());
  assertEquals(new Set(sequences).size, keys.length);
  assertEquals(sequences, keys.map((key) => first(4, key).join()));
});

Deno.test("randomWords() sets every bit half of the time", () => {
  const words = first(10_000, [3, 5]);
  for (let bit = 0; bit < 32; bit++) {
    const share = words.filter((word) => word >>> bit & 1).length / words.length;
    assert(Math.abs(share - 0.5) < 0.02, `bit ${bit} is set in ${share}`);
  }
});
