import { assertEquals } from "@std/assert";
import { createKeyHashes, hashKey } from "../../../pipeline/verify/repeated_keys.ts";

Deno.test("createKeyHashes() finds the keys that are there twice among many", () => {
  const keys = createKeyHashes();
  for (let index = 0; index < 100_000; index++) keys.add(`n01440764/n01440764_${index}.JPEG`);
  assertEquals(keys.repeated(), new Set());
  for (const index of [7, 99_999, 7]) keys.add(`n01440764/n01440764_${index}.JPEG`);
  const expected = [7, 99_999].map((index) => hashKey(`n01440764/n01440764_${index}.JPEG`));
  assertEquals(keys.repeated(), new Set(expected));
});

Deno.test("hashKey() is an integer that a number holds exactly, and tells order and letters apart", () => {
  const keys = ["", "a", "b", "ab", "ba", "a/b", "ab/", "\u0101", "\u0201", "\ud83d\ude00"];
  const hashes = keys.map(hashKey);
  assertEquals(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0), true);
  assertEquals(new Set(hashes).size, keys.length);
});
