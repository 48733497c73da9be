import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { replaceFile } from "../../../formats/labels/files.ts";

/** Names and texts of a folder. */
function texts(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, Deno.readTextFileSync(join(folder, name))]));
}

Deno.test("replaceFile() writes a text, or bytes in pieces", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "a.txt");
  replaceFile(path, "a longer text");
  assertEquals(texts(folder), { "a.txt": "a longer text" });
  replaceFile(path, ["b", "", "cd"].map((piece) => new TextEncoder().encode(piece)));
  assertEquals(texts(folder), { "a.txt": "bcd" });
});

Deno.test("replaceFile() writes over what a kill left of a file", () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "a.txt.partial"), "half of something long");
  replaceFile(join(folder, "a.txt"), "new");
  assertEquals(texts(folder), { "a.txt": "new" });
});

Deno.test("replaceFile() keeps the old content, and only that, where not all can be written", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "a.txt");
  replaceFile(path, "old");
  function* pieces() {
    yield new Uint8Array(100);
    throw new Error("No space left on device (os error 28)");
  }
  assertThrows(() => replaceFile(path, pieces()), Error, `Cannot write "${path}": no space left on device`);
  assertEquals(texts(folder), { "a.txt": "old" });
});
