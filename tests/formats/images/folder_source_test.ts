import { assertEquals, assertRejects } from "@std/assert";
import { openImages } from "../../../formats/images/mod.ts";
import { collect, list, makeFolder } from "./collect.ts";

Deno.test("openImages() reads class folders in natural order, nested folders in their place", async () => {
  await using folder = await makeFolder({
    "10/b.jpg": "",
    "10/a.JPEG": "",
    "2/img10.png": "",
    "2/img2.png": "",
    "2/deeper/x.webp": "",
    "2/notes.txt": "",
    "2/.hidden.jpg": "",
    ".git/x.jpg": "",
    "annotations/boxes.json": "",
  });
  const source = await openImages(folder.path);
  assertEquals(source.description, "2 class folders");
  assertEquals(source.classes, ["2", "10"]);
  assertEquals(await source.count(), 5);
  assertEquals(await list(source), [
    "2/deeper/x.webp 0",
    "2/img2.png 0",
    "2/img10.png 0",
    "10/a.JPEG 1",
    "10/b.jpg 1",
  ]);
});

Deno.test("openImages() gives images of a flat folder no label", async () => {
  await using folder = await makeFolder({ "b10.gif": "", "b9.tif": "", "SOURCES.md": "", "c.bmp": "", "d.ppm": "" });
  const source = await openImages(`${folder.path}/`);
  assertEquals(source.description, "a flat folder");
  assertEquals(source.classes, null);
  assertEquals(await list(source), ["b9.tif null", "b10.gif null", "c.bmp null", "d.ppm null"]);
  assertEquals((await collect(source))[0].bytes, { path: `${folder.path}/b9.tif` });
});

Deno.test("openImages() reads images beside class folders", async () => {
  await using folder = await makeFolder({ "cat/1.jpg": "", "bare.jpg": "", "dog/1.jpg": "" });
  const source = await openImages(folder.path);
  assertEquals(source.description, "2 class folders and, without a label, beside them");
  assertEquals(await list(source), ["bare.jpg null", "cat/1.jpg 0", "dog/1.jpg 1"]);
});

Deno.test("read() of a folder gives any range as it is in the whole", async () => {
  await using folder = await makeFolder(
    Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index % 3}/${index}.jpg`, ""])),
  );
  const source = await openImages(folder.path);
  const whole = await collect(source);
  assertEquals(whole.map(({ index }) => index), Array.from({ length: 12 }, (_, index) => index));
  for (const [start, end] of [[0, 0], [0, 5], [5, 7], [11, 12], [7, 99], [12, 20]]) {
    assertEquals(await collect(source, { start, end }), whole.slice(start, end));
  }
  assertEquals(await collect(source, { start: 9 }), whole.slice(9));
});

Deno.test("openImages() follows links, but not one back to a folder above it", async () => {
  await using elsewhere = await makeFolder({ "e.jpg": "" });
  await using folder = await makeFolder({ "cat/1.jpg": "" });
  await Deno.symlink(elsewhere.path, `${folder.path}/eel`);
  await Deno.symlink(`${elsewhere.path}/e.jpg`, `${folder.path}/cat/2.jpg`);
  await Deno.symlink("..", `${folder.path}/cat/above`);
  await Deno.symlink("nowhere", `${folder.path}/cat/3.jpg`);
  const source = await openImages(folder.path);
  assertEquals(await list(source), ["cat/1.jpg 0", "cat/2.jpg 0", "cat/3.jpg 0", "eel/e.jpg 1"]);
});

Deno.test("openImages() takes a single file, whatever it is called", async () => {
  await using folder = await makeFolder({ "photo.unknown": "xyz" });
  const source = await openImages(`${folder.path}/photo.unknown`);
  assertEquals(source.description, "a single file");
  assertEquals(await source.count(), 1);
  assertEquals(await list(source), ["photo.unknown null"]);
  assertEquals(await list(source, { start: 1 }), []);
});

Deno.test("openImages() says what it looked for in a folder without images", async () => {
  await using folder = await makeFolder({ "readme.txt": "", "empty": null });
  const error = await assertRejects(() => openImages(folder.path), Deno.errors.NotFound);
  assertEquals(
    error.message,
    `Cannot find images in "${folder.path}": no file ends in .jpg, .jpeg, .png, .webp, .gif, .bmp, .tif, .tiff, .ppm, ` +
      "and tar and Parquet files are looked for only directly in the folder",
  );
});

Deno.test("openImages() refuses what is not there, and a folder of several kinds", async () => {
  await assertRejects(() => openImages("no/such"), Deno.errors.NotFound, 'Cannot open images "no/such": no such file');
  await assertRejects(() => openImages("no/{1..2}.tar"), Deno.errors.NotFound, 'there is no file "no/1.tar"');
  await using folder = await makeFolder({ "a.tar": "", "b.parquet": "", "c.parquet": "" });
  await assertRejects(() => openImages(folder.path), TypeError, "it holds 1 tar and 2 parquet files");
});

async function mayListAll(): Promise<boolean> {
  await using folder = await makeFolder({ "closed": null });
  await Deno.chmod(`${folder.path}/closed`, 0).catch(() => {});
  return await Array.fromAsync(Deno.readDir(`${folder.path}/closed`)).then(() => true, () => false);
}

Deno.test({
  name: "openImages() names a folder that may not be listed",
  // The superuser may list any folder, and Windows has no such mode.
  ignore: await mayListAll(),
  async fn() {
    await using folder = await makeFolder({ "cat/1.jpg": "", "dog/1.jpg": "" });
    await Deno.chmod(`${folder.path}/dog`, 0);
    await assertRejects(
      () => openImages(folder.path),
      Deno.errors.PermissionDenied,
      `Cannot list folder "${folder.path}/dog"`,
    );
    await Deno.chmod(`${folder.path}/dog`, 0o700);
  },
});
