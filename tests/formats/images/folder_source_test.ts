import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodePng } from "../../../formats/images/encode_png.ts";
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
  assertEquals(source.description, "3 class folders");
  assertEquals(source.classes, ["2", "10", "annotations"]);
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

Deno.test("openImages() knows images by any usual extension in any case, those that are rejected later too", async () => {
  const names = [
    "1.pgm",
    "2.PPM",
    "3.pnm",
    "4.PBM",
    "5.jfif",
    "6.JPE",
    "7.jpeg",
    "8.Tif",
    "9.avif",
    "10.HEIC",
    "11.jxl",
  ];
  await using folder = await makeFolder(Object.fromEntries(names.map((name) => [`s1/${name}`, "not looked at"])));
  const source = await openImages(folder.path);
  assertEquals(await list(source), names.map((name) => `s1/${name} 0`));
  assertEquals((await source.survey()).passedOver, []);
});

Deno.test("openImages() looks into files whose names do not tell, and counts those that are no images", async () => {
  const png = encodePng(new Uint8Array(3), { width: 1, height: 1, channels: 3 });
  const bmp = new Uint8Array(60);
  bmp.set(new TextEncoder().encode("BM"));
  await using folder = await makeFolder({
    "cat/ILSVRC2012_00001": png,
    "cat/1.image": png,
    "cat/2.jpg.1": "GIF89a and more",
    "cat/3": "P5 1 1 255 x",
    "cat/4.dat": bmp,
    "cat/5.txt": png,
    "cat/BMW": "BMW is no image",
    "cat/empty": "",
    "cat/letter": "Dear Sir",
    "cat/6.dat": "data",
    "cat/Thumbs.db": png,
    "cat/._7.jpg": png,
    "cat/.DS_Store": png,
    "__MACOSX/cat/7.jpg": png,
  });
  const source = await openImages(folder.path);
  const keys = ["1.image", "2.jpg.1", "3", "4.dat", "ILSVRC2012_00001"];
  assertEquals(await list(source), keys.map((name) => `cat/${name} 0`));
  assertEquals(source.classes, ["cat"]);
  assertEquals((await source.survey()).passedOver, [
    { what: "without extension", count: 3, first: "cat/BMW" },
    { what: "hidden", count: 2, first: "cat/._7.jpg" },
    { what: ".dat", count: 1, first: "cat/6.dat" },
    { what: ".db", count: 1, first: "cat/Thumbs.db" },
    { what: ".txt", count: 1, first: "cat/5.txt" },
    { what: "of the operating system", count: 1, first: "__MACOSX" },
  ]);
});

Deno.test("classes of a folder keep their numbers, whatever can be read in them", async () => {
  await using folder = await makeFolder({
    "cat/1.jpg": "",
    "dog/1.xyz": "nothing that is an image",
    "dog/2": "",
    "eel/1.jpg": "broken",
    "emu": null,
    "fox/1.jpg": "",
  });
  const source = await openImages(folder.path);
  assertEquals(source.classes, ["cat", "dog", "eel", "emu", "fox"]);
  assertEquals(await list(source), ["cat/1.jpg 0", "eel/1.jpg 2", "fox/1.jpg 4"]);
  assertEquals((await source.survey()).remarks, [
    '2 class folders hold no image, and are counted as classes: "dog", "emu"',
  ]);
  await using flat = await makeFolder({ "1.jpg": "", "notes/a.txt": "", "empty": null });
  assertEquals((await openImages(flat.path)).classes, null);
});

Deno.test("links that lead nowhere or in a circle are rejected by name, and folders that are linked are classes", async () => {
  await using folder = await makeFolder({ "cat/1.jpg": "", "cat/line\nbreak.jpg": "" });
  await Deno.symlink("3.jpg", `${folder.path}/cat/2.jpg`);
  await Deno.symlink("2.jpg", `${folder.path}/cat/3.jpg`);
  await Deno.symlink("nowhere", `${folder.path}/cat/4`);
  await Deno.symlink("cat", `${folder.path}/dog`);
  const source = await openImages(folder.path);
  assertEquals(await list(source), [
    ...["1.jpg", "2.jpg", "3.jpg", "line\nbreak.jpg"].map((name) => `cat/${name} 0`),
    ...["1.jpg", "2.jpg", "3.jpg", "line\nbreak.jpg"].map((name) => `dog/${name} 1`),
  ]);
  assertEquals((await source.survey()).passedOver, [{ what: "without extension", count: 2, first: "cat/4" }]);
});

Deno.test({
  name: "a file whose name is not UTF-8 is passed over and counted",
  // Other systems have no such names.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeFolder({ "cat/1.jpg": "" });
    const args = ["-c", `printf x > "$(printf 'a\\377.jpg')"`];
    const { success } = await new Deno.Command("sh", { args, cwd: `${folder.path}/cat` }).output();
    assert(success);
    const source = await openImages(folder.path);
    assertEquals(await list(source), ["cat/1.jpg 0"]);
    const [{ what, count }] = (await source.survey()).passedOver;
    assertEquals([what, count], ["whose name is not UTF-8", 1]);
  },
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
    `Cannot find images in "${folder.path}": no file is one by its name or its first bytes (1 .txt), ` +
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
      async () => await (await openImages(folder.path)).count(),
      Deno.errors.PermissionDenied,
      `Cannot list folder "${folder.path}/dog"`,
    );
    await Deno.chmod(`${folder.path}/dog`, 0o700);
  },
});
