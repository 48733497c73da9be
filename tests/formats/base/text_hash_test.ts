import { assertEquals } from "@std/assert";
import { hashText } from "../../../formats/base/text_hash.ts";

Deno.test("hashText() is an integer that a number holds exactly, and tells order and letters apart", () => {
  const keys = ["", "a", "b", "ab", "ba", "a/b", "ab/", "\u0101", "\u0201", "\ud83d\ude00"];
  const hashes = keys.map(hashText);
  assertEquals(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0), true);
  assertEquals(new Set(hashes).size, keys.length);
});
