import { assertEquals } from "@std/assert";
import { hashText } from "../../../formats/base/text_hash.ts";
import { createKeyHashes } from "../../../pipeline/verify/repeated_keys.ts";

Deno.test("createKeyHashes() finds the keys that are there twice among many", () => {
  const keys = createKeyHashes();
  for (let index = 0; index < 100_000; index++) keys.add(`n01440764/n01440764_${index}.JPEG`);
  assertEquals(keys.repeated(), new Set());
  for (const index of [7, 99_999, 7]) keys.add(`n01440764/n01440764_${index}.JPEG`);
  const expected = [7, 99_999].map((index) => hashText(`n01440764/n01440764_${index}.JPEG`));
  assertEquals(keys.repeated(), new Set(expected));
});
