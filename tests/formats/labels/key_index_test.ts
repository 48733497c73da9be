import { assertEquals } from "@std/assert";
import { indexKeys } from "../../../formats/labels/key_index.ts";

Deno.test("indexKeys() finds every key, the first of equal ones, and no other", () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `n${index % 10}/n${index % 10}_${index}.JPEG`);
  keys[777] = keys[333];
  const read: number[] = [];
  const index = indexKeys(keys.length, keys, (row) => {
    read.push(row);
    return keys[row];
  });
  keys.forEach((key, row) => assertEquals(index.find(key), row === 777 ? 333 : row));
  // Keys are compared where hashes are equal, which two different keys hardly ever are.
  assertEquals(read.length < keys.length + 20, true);
  assertEquals([index.find("n0/n0_1.JPEG"), index.find("")], [undefined, undefined]);
  assertEquals(indexKeys(0, [], () => "").find("a"), undefined);
});
