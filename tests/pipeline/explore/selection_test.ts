import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { RequestError } from "../../../pipeline/explore/request_error.ts";
import { checkSelectionPath, selectionFile } from "../../../pipeline/explore/selection.ts";
import { comparedFolder, exploredFolder, select, withServer } from "./explored_folder.ts";

/** A selection in a folder of its own. */
function newSelection() {
  const folder = join(Deno.makeTempDirSync(), "folder");
  Deno.mkdirSync(folder);
  const path = join(folder, "chosen.txt");
  return {
    folder,
    path,
    file: selectionFile(path),
    names: () => [...Deno.readDirSync(folder)].map(({ name }) => name),
  };
}

/** Ways to make a selection impossible to write, each with what it says and how to undo it. */
const OBSTACLES: Record<string, (folder: string, path: string) => { says: string; undo(): void }> = {
  "its folder is gone": (folder) => {
    Deno.renameSync(folder, `${folder}.away`);
    return { says: "no such file or directory", undo: () => Deno.renameSync(`${folder}.away`, folder) };
  },
  "its folder is a file": (folder) => {
    Deno.renameSync(folder, `${folder}.away`);
    Deno.writeTextFileSync(folder, "");
    return {
      says: "not a directory",
      undo() {
        Deno.removeSync(folder);
        Deno.renameSync(`${folder}.away`, folder);
      },
    };
  },
  "it is a folder": (_, path) => {
    Deno.mkdirSync(path);
    return { says: "it is a folder", undo: () => Deno.removeSync(path) };
  },
  "the disk is full": () => {
    const { writeSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.writeSync = () => {
      throw new Error("No space left on device (os error 28)");
    };
    return { says: "no space left on device", undo: () => Object.assign(Deno.FsFile.prototype, { writeSync }) };
  },
  "a folder is in the way": (_, path) => {
    Deno.mkdirSync(`${path}.partial`);
    return { says: "is a directory", undo: () => Deno.removeSync(`${path}.partial`) };
  },
};

for (const [obstacle, make] of Object.entries(OBSTACLES)) {
  Deno.test(`a selection is written once it can be again, after ${obstacle}`, async () => {
    const { folder, path, file, names } = newSelection();
    for (let round = 0; round < 2; round++) {
      const { says, undo } = make(folder, path);
      for (let attempt = 0; attempt < 2; attempt++) {
        await assertRejects(
          () => file.write([["a.jpg"]], true),
          Error,
          `Cannot write the selection "${path}": ${says}`,
          `${round} ${attempt}`,
        );
      }
      undo();
      assertEquals(await file.write([["a.jpg"], ["b.jpg", `${round}.jpg`]], true), 3);
      assertEquals(Deno.readTextFileSync(path), `a.jpg\nb.jpg\n${round}.jpg\n`);
      assertEquals(names(), ["chosen.txt"]);
      Deno.removeSync(path);
    }
  });
}

Deno.test("a selection is written after its folder went away while keys came, or keys failed", async () => {
  const { folder, path, file, names } = newSelection();
  async function* keys(fail: () => void) {
    yield ["a.jpg"];
    await Promise.resolve();
    fail();
    yield ["b.jpg"];
  }
  await assertRejects(
    () => file.write(keys(() => Deno.removeSync(folder, { recursive: true })), false),
    Deno.errors.NotFound,
    `Cannot write the selection "${path}": no such file or directory`,
  );
  Deno.mkdirSync(folder);
  const given = new DOMException("Given up", "AbortError");
  await assertRejects(() =>
    file.write(
      keys(() => {
        throw given;
      }),
      false,
    ), DOMException);
  assertEquals(names(), []);
  assertEquals(await file.write([["a.jpg"]], false), 1);
});

Deno.test("two selections at once do not mix, and the second can be sent again", async () => {
  const { path, file } = newSelection();
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* slow() {
    yield ["a.jpg"];
    await promise;
    yield ["b.jpg"];
  }
  const first = file.write(slow(), false);
  await assertRejects(() => file.write([["c.jpg"]], false), RequestError, "another selection is being written");
  resolve();
  assertEquals(await first, 2);
  assertEquals(Deno.readTextFileSync(path), "a.jpg\nb.jpg\n");
  assertEquals(await file.write([["c.jpg"]], false), 1);
  assertEquals(Deno.readTextFileSync(path), "c.jpg\n");
});

Deno.test("a selection that another program wrote over is not replaced unasked", async () => {
  const { path, file } = newSelection();
  await file.write([["a.jpg"]], false);
  await file.write([["b.jpg"]], false);
  Deno.writeTextFileSync(path, "another's\n");
  const error = await assertRejects(() => file.write([["c.jpg"]], false), RequestError, "there is a file of that name");
  assertEquals([error.status, error.facts], [409, { exists: true }]);
  assertEquals(Deno.readTextFileSync(path), "another's\n");
  assertEquals(await file.write([["c.jpg"]], true), 1);
  Deno.removeSync(path);
  assertEquals(await file.write([["d.jpg"]], false), 1);
});

Deno.test("checkSelectionPath() refuses a folder, and what has no folder", () => {
  const { folder } = newSelection();
  assertThrows(() => checkSelectionPath(folder), TypeError, "it is a folder");
  assertThrows(() => checkSelectionPath(join(folder, "none", "a.txt")), Deno.errors.NotFound);
  checkSelectionPath(join(folder, "a.txt"));
});

Deno.test("the explorer saves a selection again after its folder was away", async () => {
  const { images, rows } = exploredFolder();
  const { folder, path } = newSelection();
  await withServer({ labels: comparedFolder(rows), images, selection: path }, async (url) => {
    const keys = [rows[0].key];
    Deno.removeSync(folder);
    for (let attempt = 0; attempt < 2; attempt++) {
      const { status, json } = await select(url, { keys });
      assertEquals([status, json.error], [500, `Cannot write the selection "${path}": no such file or directory`]);
    }
    Deno.mkdirSync(folder);
    assertEquals((await select(url, { keys })).status, 200);
  });
});
