import { assertEquals } from "@std/assert";
import { createCache } from "../../../formats/columns/cache.ts";

Deno.test("createCache() forgets what was asked for longest ago, and keeps the last however large", () => {
  const cache = createCache(10);
  const made: string[] = [];
  const get = (name: string, bytes: number) =>
    cache.get(name, () => {
      made.push(name);
      return name;
    }, () => bytes);
  for (const name of ["a", "b", "a", "c", "a", "b"]) assertEquals(get(name, 4), name);
  assertEquals(made, ["a", "b", "c", "b"]);
  get("large", 100);
  get("large", 100);
  get("a", 4);
  get("large", 100);
  assertEquals(made.slice(4), ["large", "a", "large"]);
});
