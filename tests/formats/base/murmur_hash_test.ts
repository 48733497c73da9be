import { assert, assertEquals } from "@std/assert";
import { hashWords, mixBits, wordsOf } from "../../../formats/base/murmur_hash.ts";
import { randomKey, randomWord } from "../../../formats/base/random.ts";
import { randomWords } from "../../../formats/base/random_words.ts";

Deno.test("mixBits() is MurmurHash3's last step", () => {
  // Of MurmurHash3_x86_32 of no bytes with these seeds, whose length changes nothing.
  assertEquals([0, 1, 0xffffffff].map(mixBits), [0, 0x514e28b7, 0x81f16f39]);
  assertEquals([0, 1, -1].map((seed) => hashWords([], seed)), [0, 0x514e28b7, 0x81f16f39]);
});

Deno.test("wordsOf() gives both halves of an integer of either sign", () => {
  assertEquals([5, -1, 2 ** 40 + 5, -(2 ** 40)].map(wordsOf), [[5, 0], [-1, -1], [5, 256], [0, -256]]);
});

Deno.test("random words of a key stay what they were when data sets were made with them", () => {
  const key = randomKey([3, 2 ** 40 + 5, -1]);
  assertEquals(key, [640179131, 2550550824]);
  assertEquals([0, 1, 2].map((counter) => randomWord(key, counter)), [3254389651, 3322377716, 3334244928]);
  const next = randomWords([...wordsOf(2 ** 40 + 5), 3, -1]);
  assertEquals([next(), next(), next()], [3829478864, 1340896830, 1379442276]);
  assert(randomKey([1])[0] !== randomKey([2])[0]);
});
