import { assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { openPublished } from "../../../formats/published/mod.ts";
import { writeTar } from "../images/tar_writer.ts";

/** A folder with files that hold their own names. */
function folderOf(...names: string[]): string {
  const path = Deno.makeTempDirSync();
  for (const name of names) {
    Deno.mkdirSync(dirname(join(path, name)), { recursive: true });
    Deno.writeTextFileSync(join(path, name), name);
  }
  return path;
}

async function listing(path: string, ...range: Parameters<Awaited<ReturnType<typeof openPublished>>["files"]>) {
  const source = await openPublished(path);
  const files: [number, string, number | null, string][] = [];
  for await (const { index, stem, label, read } of source.files(...range)) {
    files.push([index, stem, label, new TextDecoder().decode(await read())]);
  }
  return { source, files };
}

Deno.test("openPublished() numbers class folders in natural order and keeps names with dots", async () => {
  const path = folderOf("n10/a.b.pt", "n9/x.1.tar", "n9/notes.txt", "n9/.hidden.pt", "top.pt");
  const { source, files } = await listing(path);
  assertEquals(files, [
    [0, "n9/x.1", 0, "n9/x.1.tar"],
    [1, "n10/a.b", 1, "n10/a.b.pt"],
    [2, "top", null, "top.pt"],
  ]);
  assertEquals([source.count, source.classes, source.firstStem, source.lastStem], [3, ["n9", "n10"], "n9/x.1", "top"]);
});

Deno.test("openPublished() sets aside folders that all files share", async () => {
  const path = folderOf("imagenet/train/n1/a.tar", "imagenet/train/n2/b.tar");
  assertEquals((await listing(path)).files.map(([, stem, label]) => [stem, label]), [["n1/a", 0], ["n2/b", 1]]);
  const two = folderOf("imagenet/train/n1/a.tar", "imagenet/val/n1/b.tar");
  assertEquals((await listing(two)).files.map(([, stem, label]) => [stem, label]), [["train/n1/a", 0], [
    "val/n1/b",
    0,
  ]]);
});

Deno.test("openPublished() gives files from and to a position, or at some, in folders and archives", async () => {
  const names = ["n1/a.pt", "n1/b.pt", "n2/c.pt", "n2/d.pt"];
  const folder = folderOf(...names);
  const archive = join(folderOf(), "maps.tar");
  Deno.writeFileSync(archive, writeTar(names.map((name) => ({ name, content: name }))));
  for (const path of [folder, archive]) {
    const positions = async (...range: Parameters<typeof listing> extends [string, ...infer Rest] ? Rest : never) =>
      (await listing(path, ...range)).files.map(([index, , , text]) => [index, text]);
    assertEquals(await positions({ start: 1, end: 3 }), [[1, "n1/b.pt"], [2, "n2/c.pt"]]);
    assertEquals(await positions(new Set([0, 3])), [[0, "n1/a.pt"], [3, "n2/d.pt"]]);
  }
});

Deno.test("openPublished() gives the files of a damaged archive up to the damage, then what is wrong", async () => {
  const archive = join(folderOf(), "maps.tar");
  const bytes = writeTar(["n1/a.pt", "n1/b.pt"].map((name) => ({ name, content: name })));
  Deno.writeFileSync(archive, bytes.subarray(0, 1024 + 512 + 3));
  const source = await openPublished(archive);
  const files = await Array.fromAsync(source.files());
  assertEquals(files.map(({ stem, label }) => [stem, label]), [["n1/a", 0], ["maps.tar", null]]);
  await assertRejects(async () => await files[1].read(), Error, `Cannot read archive "${archive}": at byte `);
  Deno.writeFileSync(archive, bytes.subarray(0, 515));
  await assertRejects(() => openPublished(archive), Error, `Cannot read archive "${archive}": at byte `);
});

Deno.test("openPublished() refuses what holds no labels", async () => {
  const path = folderOf("n1/a.jpg");
  await assertRejects(
    () => openPublished(path),
    Deno.errors.NotFound,
    `Cannot find labels in "${path}": no file in it ends in .pt or .tar`,
  );
  await assertRejects(() => openPublished(`${path}/nowhere`), Deno.errors.NotFound, "there is no such file or folder");
});
