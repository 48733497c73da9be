import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openImages } from "../../../formats/images/mod.ts";
import { fileError, isSystemError, replaceFile } from "../../../formats/base/files.ts";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { openPublished } from "../../../formats/published/mod.ts";
import { openWeights } from "../../../formats/weights/mod.ts";
import { readBoxes } from "../../../pipeline/pictures/boxes.ts";
import { readClassNames } from "../../../pipeline/model/class_names.ts";

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

/** Paths that the system refuses, each for another reason. */
function refusedPaths() {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "file"), "text");
  Deno.symlinkSync(join(folder, "loop"), join(folder, "loop"));
  return {
    "not a directory": { path: join(folder, "file", "x"), kind: Deno.errors.NotADirectory, code: "ENOTDIR" },
    "too many levels of symbolic links": {
      path: join(folder, "loop"),
      kind: Deno.errors.FilesystemLoop,
      code: "ELOOP",
    },
    "file name too long": { path: join(folder, "x".repeat(300)), kind: Error, code: "ENAMETOOLONG" },
  };
}

Deno.test("fileError() keeps an error's class, code and reason", () => {
  for (const [reason, { path, kind, code }] of Object.entries(refusedPaths())) {
    const error = assertThrows(() => Deno.openSync(path), kind);
    const told = fileError(`Cannot read "${path}"`, error);
    assertEquals([told.constructor, told.message, (told as { code?: string }).code], [
      error.constructor,
      `Cannot read "${path}": ${reason}`,
      code,
    ]);
    assertEquals([told.cause, isSystemError(told)], [error, true]);
  }
  const aborted = fileError("Cannot read", new DOMException("The signal", "AbortError"));
  assertEquals([aborted.name, aborted.message], ["AbortError", "Cannot read: the signal"]);
  const ours = fileError("Cannot read", new RangeError("Too long"));
  assertEquals([ours.constructor, ours.message, isSystemError(ours)], [RangeError, "Cannot read: too long", false]);
});

Deno.test("whatever is opened says what was being done, and keeps the class of the system's error", async () => {
  const openers: Record<string, (path: string) => unknown> = {
    images: openImages,
    "label maps": openLabelMaps,
    weights: openWeights,
    "published labels": openPublished,
    boxes: (path) => readBoxes(path, Number),
    "names of classes": readClassNames,
  };
  for (const [what, open] of Object.entries(openers)) {
    for (const [reason, { path, kind }] of Object.entries(refusedPaths())) {
      const error = await assertRejects(async () => await open(path), kind, undefined, `${what}: ${path}`);
      assert(!(error instanceof Deno.errors.PermissionDenied), what);
      assertStringIncludes(error.message.toLowerCase(), `: ${reason}`, what);
      assert(/^Cannot /.test(error.message), `${what}: ${error.message}`);
    }
  }
});
