import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { openImages } from "../../../formats/images/mod.ts";
import { assertRanges, bytesOf, collect, list, makeFolder, reasonOf } from "./collect.ts";
import { gzip, joinBytes, writeTar } from "./tar_writer.ts";

const samples = (from: number, to: number) =>
  writeTar(
    Array.from({ length: to - from }, (_, index) => from + index).flatMap((index) => [
      { name: `${index}.jpg`, content: `image ${index}` },
      { name: `${index}.cls`, content: `${index * 10}\n` },
      { name: `${index}.txt`, content: "a caption" },
    ]),
  );

Deno.test("openImages() reads a WebDataset's shards named by a brace pattern", async () => {
  await using folder = await makeFolder({
    "train-09.tar": samples(0, 3),
    "train-10.tar": samples(3, 5),
    "train-11.tar": "",
  });
  const open = () => openImages(`${folder.path}/train-{09..10}.tar`);
  const source = await open();
  assertEquals(source.description, "2 tar shards");
  assertEquals(source.classes, null);
  const images = await assertRanges(open);
  assertEquals(images.map(({ key, label }) => [key, label]), [
    ["train-09.tar/0.jpg", 0],
    ["train-09.tar/1.jpg", 10],
    ["train-09.tar/2.jpg", 20],
    ["train-10.tar/3.jpg", 30],
    ["train-10.tar/4.jpg", 40],
  ]);
  assertEquals(images.map((image) => new TextDecoder().decode(bytesOf(image))), [
    "image 0",
    "image 1",
    "image 2",
    "image 3",
    "image 4",
  ]);
});

Deno.test("openImages() reads a folder of shards in natural order, gzipped ones by their content", async () => {
  await using folder = await makeFolder({
    "10.tar": samples(4, 5),
    "9.tar": await gzip(samples(2, 4)),
    "1.tgz": samples(0, 2),
    "index.json": "{}",
  });
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(images.map(({ key }) => key), [
    "1.tgz/0.jpg",
    "1.tgz/1.jpg",
    "9.tar/2.jpg",
    "9.tar/3.jpg",
    "10.tar/4.jpg",
  ]);
  assertEquals(images.map(({ label }) => label), [0, 10, 20, 30, 40]);
});

Deno.test("openImages() reads gzip in several members, as pigz and bgzip write it", async () => {
  const tar = samples(0, 3);
  const joined = joinBytes([await gzip(tar.slice(0, 700)), await gzip(tar.slice(700))]);
  await using folder = await makeFolder({ "a.tar.gz": joined });
  assertEquals(await list(await openImages(folder.path)), [
    "a.tar.gz/0.jpg 0",
    "a.tar.gz/1.jpg 10",
    "a.tar.gz/2.jpg 20",
  ]);
});

Deno.test("openImages() groups a WebDataset's members by the name up to the first dot", async () => {
  const tar = writeTar([
    { name: "a/1.json", content: '{"label": 7, "caption": "x"}' },
    { name: "a/1.left.JPG", content: "l" },
    { name: "a/1.right.jpg", content: "r" },
    { name: "b/1.png", content: "p" },
    { name: "b/1.json", content: '{"caption": "no label"}' },
    { name: "b/2.png", content: "p" },
    { name: "b/2.cls", content: "cat" },
    { name: "b/3.png", content: "p" },
    { name: "b/3.json", content: "{ not JSON" },
    { name: "b/4.cls", content: "4" },
    { name: "b/4.webp", content: "p" },
  ]);
  await using folder = await makeFolder({ "x.tar": tar });
  assertEquals(await list(await openImages(`${folder.path}/x.tar`)), [
    "x.tar/a/1.left.JPG 7",
    "x.tar/a/1.right.jpg 7",
    "x.tar/b/1.png null",
    "x.tar/b/2.png null",
    "x.tar/b/3.png null",
    "x.tar/b/4.webp 4",
  ]);
});

Deno.test("openImages() numbers the class folders of plain archives over all shards", async () => {
  const part = (...names: string[]) => writeTar(names.map((name) => ({ name, content: "x" })));
  await using folder = await makeFolder({
    "a.tar": part("./train/10/a.1.jpg", "./train/10/a.2.jpg", "./train/2/deep/b.jpg", "./train/labels.txt"),
    "b.tar": part("train/1/c.jpg", "train/bare.jpg", "train/2/._d.jpg", "train/2/d.jpg"),
  });
  const open = () => openImages(folder.path);
  assertEquals((await open()).classes, ["1", "2", "10"]);
  await assertRanges(open);
  assertEquals(await list(await open()), [
    "a.tar/train/10/a.1.jpg 2",
    "a.tar/train/10/a.2.jpg 2",
    "a.tar/train/2/deep/b.jpg 1",
    "b.tar/train/1/c.jpg 0",
    "b.tar/train/bare.jpg null",
    "b.tar/train/2/d.jpg 1",
  ]);
});

Deno.test("openImages() takes the one folder of a plain archive as its class, and none of a flat one", async () => {
  await using folder = await makeFolder({
    "one.tar": writeTar([{ name: "data/cat/1.jpg", content: "x" }]),
    "flat.tar": writeTar([{ name: "1.jpg", content: "x" }]),
  });
  const one = await openImages(`${folder.path}/one.tar`);
  assertEquals([one.classes, await list(one)], [["cat"], ["one.tar/data/cat/1.jpg 0"]]);
  const flat = await openImages(`${folder.path}/flat.tar`);
  assertEquals([flat.classes, await list(flat)], [null, ["flat.tar/1.jpg null"]]);
});

for (const kind of ["gnu", "pax"]) {
  Deno.test(`openImages() reads long names as ${kind === "gnu" ? "GNU tar" : "pax"} stores them`, async () => {
    const source = await openImages(`tests/fixtures/images/tar/long_names_${kind}.tar.gz`);
    const shard = `long_names_${kind}.tar.gz`;
    assertEquals(await list(source), [
      `${shard}/folder/${"very_long_name_".repeat(12)}\u00e9.png 0`,
      `${shard}/folder/short.png 0`,
    ]);
  });
}

for (const kind of ["gnu", "posix"]) {
  Deno.test(`openImages() lists a sparse file in an archive of tar --format=${kind} as what cannot be read`, async () => {
    const source = await openImages(`tests/fixtures/images/tar/sparse_${kind}.tar.gz`);
    const images = await collect(source);
    assertEquals(images.map(({ key }) => key), [
      `sparse_${kind}.tar.gz/a_sparse.png`,
      `sparse_${kind}.tar.gz/b_whole.png`,
    ]);
    assertEquals(reasonOf(images[0]), "Cannot read image: it is stored as a sparse file");
  });
}

Deno.test("read() gives the images before the damage of a shard, then the damage, then the next shard", async () => {
  const damaged = samples(0, 4);
  // A sample is three headers and three bodies of a block each: the second sample's label begins at byte 4096.
  damaged[4096 + 10] ^= 1;
  await using folder = await makeFolder({ "a.tar": damaged, "b.tar": samples(7, 8) });
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(images.map(({ key, label }) => `${key} ${label}`), [
    "a.tar/0.jpg 0",
    "a.tar/1.jpg null",
    "a.tar null",
    "b.tar/7.jpg 70",
  ]);
  assertMatch(
    reasonOf(images[2]),
    /^Cannot read tar shard ".*\/a\.tar": at byte 4096: no tar header, its checksum is \d+ and not \d+$/,
  );
});

for (
  const [length, images, message] of [
    [100, 0, "at byte 0: 100 bytes left where a header takes 512"],
    [700, 0, "at byte 700: the file ends inside the member at byte 0, which has 7 bytes"],
    [1030, 1, "at byte 1024: 6 bytes left where a header takes 512"],
    [1600, 1, "at byte 1600: the file ends inside the member at byte 1024, which has 2 bytes"],
    [4000, 1, "at byte 4000: the file ends inside the member at byte 3072, which has 7 bytes"],
    [7000, 2, "at byte 7000: the file ends inside the member at byte 6144, which has 7 bytes"],
  ] as const
) {
  Deno.test(`read() says where a shard cut at byte ${length} ends, and goes on with the next`, async () => {
    for (const content of [samples(0, 3).slice(0, length), await gzip(samples(0, 3).slice(0, length))]) {
      await using folder = await makeFolder({ "a.tar": content, "b.tar": samples(7, 8) });
      const found = await assertRanges(() => openImages(folder.path));
      assertEquals(found.length, images + 2);
      assertEquals(reasonOf(found[images]), `Cannot read tar shard "${folder.path}/a.tar": ${message}`);
      assertEquals([found[images].key, found[images + 1].key], ["a.tar", "b.tar/7.jpg"]);
    }
  });
}

Deno.test("read() says where a gzipped shard that was cut can be unpacked no further", async () => {
  const archive = await gzip(samples(0, 3));
  await using folder = await makeFolder({ "a.tar": archive.slice(0, 100), "b.tar": samples(7, 8) });
  const images = await assertRanges(() => openImages(folder.path));
  assertMatch(reasonOf(images.at(-2)!), /": at byte \d+ of what is unpacked: unexpected end of file$/);
  assertEquals(images.at(-1)!.key, "b.tar/7.jpg");
});

Deno.test("read() counts an archive that ends after a whole member as complete", async () => {
  await using folder = await makeFolder({ "a.tar": samples(0, 1).slice(0, 3072) });
  assertEquals(await list(await openImages(folder.path)), ["a.tar/0.jpg 0"]);
});

Deno.test("openImages() says what is in shards that hold no images", async () => {
  await using folder = await makeFolder({
    "zst.tar": new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0, 0]),
    "text.tar": "no archive at all".repeat(100),
    "nested.tar": writeTar([{ name: "n01440764.tar", content: "x" }, { name: "n01443537.tar", content: "x" }]),
    "empty.tar": "",
  });
  for (
    const [name, expected] of [
      ["nested.tar", '"nested.tar" begins with "n01440764.tar", "n01443537.tar"'],
      ["empty.tar", '"empty.tar" is an empty archive'],
    ]
  ) await assertRejects(() => openImages(`${folder.path}/${name}`), Deno.errors.NotFound, expected);
  for (
    const [name, expected] of [
      ["zst.tar", "it is compressed with zstd, and only gzip is read"],
      ["text.tar", "at byte 0: no tar header"],
    ]
  ) await assertRejects(() => openImages(`${folder.path}/${name}`), Deno.errors.NotFound, expected);
});
