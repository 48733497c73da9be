import { assertEquals, assertRejects } from "@std/assert";
import { decodeImage, openImages } from "../../../formats/images/mod.ts";
import { openImageReader } from "../../../pipeline/pictures/image_reader.ts";
import { makeFolder } from "../../formats/images/collect.ts";
import { writeTar } from "../../formats/images/tar_writer.ts";

const TRAIN = "tests/fixtures/images/parquet/train-{00000..00001}-of-00002.parquet";

Deno.test("openImageReader() reads the images of a folder by their keys, in any order", async () => {
  const reader = await openImageReader("assets/photos");
  for (const key of ["single/rocket.jpg", "several/four.jpg"]) {
    assertEquals(await reader.read(key), await Deno.readFile(`assets/photos/${key}`));
  }
  reader.close();
});

Deno.test("openImageReader() reads links within the folder, and refuses what is not under it", async () => {
  await using outside = await makeFolder({ "secret.jpg": "secret" });
  await using folder = await makeFolder({ "a/1.jpg": "one", "a/b": null });
  await Deno.symlink(`${folder.path}/a`, `${folder.path}/also`);
  await Deno.symlink(`${outside.path}/secret.jpg`, `${folder.path}/a/link.jpg`);
  await Deno.symlink(outside.path, `${folder.path}/out`);
  // A folder whose name begins as the root's.
  await Deno.mkdir(`${folder.path}-other`);
  await Deno.writeTextFile(`${folder.path}-other/2.jpg`, "two");
  await Deno.symlink(`${folder.path}-other/2.jpg`, `${folder.path}/two.jpg`);
  const reader = await openImageReader(folder.path);
  try {
    assertEquals(new TextDecoder().decode(await reader.read("also/1.jpg")), "one");
    for (
      const [key, reason] of [
        ["../secret.jpg", "its key is not a path under the folder of images"],
        ["a/../a/1.jpg", "its key is not a path under the folder of images"],
        ["a\\..\\1.jpg", "its key is not a path under the folder of images"],
        [`${outside.path}/secret.jpg`, "its key is not a path under the folder of images"],
        ["a/1.jpg\0.png", "its key is not a path under the folder of images"],
        ["", "its key is not a path under the folder of images"],
        ["a/link.jpg", "it is a link out of the folder of images"],
        ["out/secret.jpg", "it is a link out of the folder of images"],
        ["two.jpg", "it is a link out of the folder of images"],
        ["a/b", "its key names no file"],
        ["a/2.jpg", "there is none of this key"],
        ["a/1.jpg/x", "there is none of this key|not a directory"],
      ]
    ) {
      const error = await assertRejects(() => reader.read(key), Error);
      assertEquals(new RegExp(`^Cannot read image: (${reason})$`).test(error.message), true, error.message);
    }
  } finally {
    reader.close();
    await Deno.remove(`${folder.path}-other`, { recursive: true });
  }
});

Deno.test("openImageReader() reads a single image by its name alone", async () => {
  const reader = await openImageReader("assets/photos/single/china.jpg");
  assertEquals(await reader.read("china.jpg"), await Deno.readFile("assets/photos/single/china.jpg"));
  await assertRejects(() => reader.read("single/china.jpg"), Deno.errors.NotFound, "there is none of this key");
  reader.close();
});

Deno.test("openImageReader() reads images of tar shards, plain and gzipped, by the keys that openImages() gives", async () => {
  const files = (shard: number) =>
    writeTar([0, 1, 2].flatMap((index) => [
      { name: `train/x/${index}.jpg`, content: `image ${shard} ${index}` },
      { name: `train/x/${index}.cls`, content: "3" },
    ]));
  const gzip = new Blob([files(2)]).stream().pipeThrough(new CompressionStream("gzip"));
  await using folder = await makeFolder({
    "0.tar": files(0),
    "1.tar": files(1),
    "2.tar.gz": new Uint8Array(await new Response(gzip).arrayBuffer()),
  });
  const reader = await openImageReader(folder.path);
  const keys = (await Array.fromAsync((await openImages(folder.path)).list())).map(({ key }) => key);
  assertEquals(keys.length, 9);
  const found = await Promise.all(
    keys.toReversed().map(async (key) => new TextDecoder().decode(await reader.read(key))),
  );
  assertEquals(found, [2, 1, 0].flatMap((shard) => [2, 1, 0].map((index) => `image ${shard} ${index}`)));
  await assertRejects(() => reader.read("0.tar/train/x/9.jpg"), Deno.errors.NotFound, "there is none of this key");
  await assertRejects(() => reader.read("3.tar/train/x/0.jpg"), Deno.errors.NotFound, "there is none of this key");
  reader.close();
});

Deno.test("openImageReader() reads images of Parquet files, and says of a row without bytes that it has none", async () => {
  const reader = await openImageReader(TRAIN);
  for (const [key, red] of [["train-00001-of-00002.parquet/2", 9], ["train-00000-of-00002.parquet/0", 0]] as const) {
    assertEquals((await decodeImage(await reader.read(key))).pixels[0], red);
  }
  reader.close();
  const holes = await openImageReader("tests/fixtures/images/parquet/holes.parquet");
  await assertRejects(() => holes.read("holes.parquet/1"), Error, "it has no image bytes");
  holes.close();
});

Deno.test("openImageReader() says that there is nothing at a path", async () => {
  await assertRejects(() => openImageReader("/nowhere"), Deno.errors.NotFound, 'Cannot open images "/nowhere"');
});
