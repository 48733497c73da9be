import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readImageFile } from "../../../formats/images/image_file.ts";
import { openImages } from "../../../formats/images/mod.ts";
import type { FilePlace } from "../../../formats/images/image_source.ts";
import { assertRanges, bytesOf, list, makeFolder, reasonOf } from "./collect.ts";
import { gzip, joinBytes, paxHeader, type TarFile, writeTar } from "./tar_writer.ts";

/** What a shard gives: `name label content`, or why it cannot be read; the same in every range. */
async function readShard(tar: Uint8Array<ArrayBuffer>): Promise<string[]> {
  await using folder = await makeFolder({ "a.tar": tar });
  const images = await assertRanges(() => openImages(folder.path));
  const described = images.map(async (image) => {
    const { key, label, bytes } = image;
    if ("unreadable" in bytes) return `${key} ${reasonOf(image)}`;
    const content = "path" in bytes
      ? await readPlace(bytes.path, bytes.range!)
      : new TextDecoder().decode(bytesOf(image));
    return `${key.slice("a.tar/".length)} ${label} ${content}`;
  });
  return await Promise.all(described);
}

async function readPlace(path: string, { offset, length }: { offset: number; length: number }): Promise<string> {
  return new TextDecoder().decode((await Deno.readFile(path)).subarray(offset, offset + length));
}

const image = (name: string | Uint8Array, content = "x"): TarFile => ({ name, content });
const link = (name: string, target: string, type: "1" | "2"): TarFile => ({ name, type, target });
const latin1 = (text: string) => Uint8Array.from(text, (unit) => unit.charCodeAt(0));
const put = (offset: number, text: string) => (header: Uint8Array) => header.set(latin1(text), offset);

Deno.test("hard and symbolic links are images of their own, with the content they lead to", async () => {
  const tar = writeTar([
    image("a/0.jpg", "first"),
    link("b/1.jpg", "a/0.jpg", "1"),
    link("b/2.jpg", "../a/0.jpg", "2"),
    link("b/3.jpg", "2.jpg", "2"),
    link("b/4.jpg", "./b/3.jpg", "1"),
    link("c/5.jpg", ".././c/6.jpg", "2"),
    image("c/6.jpg", "later"),
  ]);
  assertEquals(await readShard(tar), [
    "a/0.jpg 0 first",
    "b/1.jpg 1 first",
    "b/2.jpg 1 first",
    "b/3.jpg 1 first",
    "b/4.jpg 1 first",
    "c/5.jpg 2 later",
    "c/6.jpg 2 later",
  ]);
});

Deno.test("labels are read through links", async () => {
  const tar = writeTar([
    image("0.jpg"),
    image("0.cls", "5"),
    image("1.jpg"),
    link("1.cls", "0.cls", "1"),
    image("2.jpg"),
    link("2.cls", "labels/2.txt", "2"),
    image("labels/2.txt", "7"),
    image("3.jpg"),
    link("3.cls", "nowhere", "2"),
  ]);
  assertEquals(await readShard(tar), ["0.jpg 5 x", "1.jpg 5 x", "2.jpg 7 x", "3.jpg null x"]);
});

Deno.test("a link that leads to no file of the archive stands in its place with the reason", async () => {
  const tar = writeTar([
    image("a/0.jpg"),
    link("a/1.jpg", "/etc/0.jpg", "2"),
    link("a/2.jpg", "../../0.jpg", "2"),
    link("a/3.jpg", "none.jpg", "2"),
    link("a/4.jpg", "4.jpg", "2"),
    link("a/5.jpg", "6.jpg", "2"),
    link("a/6.jpg", "5.jpg", "2"),
    link("a/7.jpg", "a/8.jpg", "1"),
    image("a/8.jpg"),
    image("a/8.jpg"),
    link("a/9.jpg", ".", "2"),
    link("b", "a", "2"),
  ]);
  assertEquals((await readShard(tar)).map((line) => line.replace("a.tar/a/", "")), [
    "a/0.jpg 0 x",
    "1.jpg Cannot read image: it is a link out of the archive",
    "2.jpg Cannot read image: it is a link out of the archive",
    '3.jpg Cannot read image: it is a link to "a/none.jpg", which is no file of the archive',
    '4.jpg Cannot read image: it is a link to "a/4.jpg", which is no file of the archive',
    '5.jpg Cannot read image: it is a link to "a/6.jpg", which is no file of the archive',
    '6.jpg Cannot read image: it is a link to "a/5.jpg", which is no file of the archive',
    '7.jpg Cannot read image: it is a link to "a/8.jpg", which is not one file of the archive',
    "a/8.jpg 0 x",
    "8.jpg Cannot read image: an earlier member has its name",
    '9.jpg Cannot read image: it is a link to "a", which is no file of the archive',
  ]);
});

Deno.test("a link in a gzipped archive is listed with the reason, by number too", async () => {
  const tar = writeTar([image("a/0.jpg"), link("b/1.jpg", "a/0.jpg", "1"), image("b/2.jpg"), link("c", "b", "2")]);
  await using folder = await makeFolder({ "a.tgz": await gzip(tar) });
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(images.map(({ key, label }) => `${key} ${label}`), [
    "a.tgz/a/0.jpg 0",
    "a.tgz/b/1.jpg null",
    "a.tgz/b/2.jpg 1",
  ]);
  assertEquals(reasonOf(images[1]), "Cannot read image: it is a link, and the archive is gzipped");
  const { unlabelled, passedOver } = await (await openImages(folder.path)).survey();
  assertEquals(unlabelled, [{ what: "that cannot be read", count: 1, first: "a.tgz/b/1.jpg" }]);
  assertEquals(passedOver, [{ what: "that are links", count: 1, first: "a.tgz/c" }]);
});

Deno.test("members of one name are listed, and only the first is read", async () => {
  const twice = "Cannot read image: an earlier member has its name";
  assertEquals(
    await readShard(
      writeTar([image("a/0.jpg", "1"), image("./a/0.jpg", "2"), image("/a/0.jpg", "3"), image("b/0.jpg", "4")]),
    ),
    [
      "a/0.jpg 0 1",
      `a.tar/a/0.jpg ${twice}`,
      `a.tar/a/0.jpg ${twice}`,
      "b/0.jpg 1 4",
    ],
  );
  // A name that spells out a byte of another.
  assertEquals(await readShard(writeTar([image(latin1("caf\xe9.jpg")), image("caf\\xe9.jpg")])), [
    "caf\\xe9.jpg null x",
    `a.tar/caf\\xe9.jpg ${twice}`,
  ]);
});

Deno.test("names that are not UTF-8, begin with its mark or hold control characters stay different", async () => {
  const names = [
    "caf\xe9.jpg",
    "caf\xe8.jpg",
    "\xc3\xa9.jpg",
    "\xef\xbb\xbf.0.jpg",
    "\xff\xfe.jpg",
    "a\nb.jpg",
    "a\x1b[1m.jpg",
  ];
  assertEquals(
    (await readShard(writeTar(names.map((name) => image(latin1(name)))))).map((line) =>
      line.slice(0, -" null x".length)
    ),
    [
      "caf\\xe9.jpg",
      "caf\\xe8.jpg",
      "\u00e9.jpg",
      "\ufeff.0.jpg",
      "\\xff\\xfe.jpg",
      "a\nb.jpg",
      "a\x1b[1m.jpg",
    ],
  );
});

Deno.test("a name ends at a zero byte in a header, and goes on behind one in a pax header", async () => {
  const tar = writeTar([image("0.jpg\0.png"), paxHeader({ path: "1\0.jpg" }), image("other"), image("1.jpg")]);
  assertEquals(await readShard(tar), ["0.jpg null x", "1\0.jpg null x", "1.jpg null x"]);
});

Deno.test("a path with `..` is a key as it is, and no class folder", async () => {
  const tar = writeTar([
    image("train/cat/0.jpg"),
    image("train/../dog/1.jpg"),
    image("train//./dog/2.jpg"),
    image("../3.jpg"),
  ]);
  assertEquals(await readShard(tar), [
    "train/cat/0.jpg 0 x",
    "train/../dog/1.jpg null x",
    "train//./dog/2.jpg 1 x",
    "../3.jpg null x",
  ]);
});

Deno.test("pax headers give a member its path, size and target, and all that follow theirs", async () => {
  const long = `${"folder/".repeat(40)}0.jpg`;
  const tar = writeTar([
    paxHeader({ comment: "of git" }, "g"),
    paxHeader({ path: `./${long}`, size: "5", mtime: "1.5" }),
    { name: "short", content: "hello", change: put(124, "00000000000\0") },
    paxHeader({ path: "folder/\u00e9/1.jpg", linkpath: long }),
    link("short", "short", "1"),
    paxHeader({ path: latin1("folder/\xe9/2.jpg"), hdrcharset: "BINARY" }),
    image("short"),
    image("folder/é/3.jpg"),
  ]);
  assertEquals(await readShard(tar), [
    `${long} 1 hello`,
    "folder/é/1.jpg 2 hello",
    "folder/\\xe9/2.jpg 0 x",
    "folder/é/3.jpg 2 x",
  ]);
});

Deno.test("a global pax path holds until a member takes it back or has its own", async () => {
  const tar = writeTar([
    paxHeader({ path: "0.jpg" }, "g"),
    image("a.jpg", "1"),
    paxHeader({ path: "1.jpg" }),
    image("b.jpg", "2"),
    paxHeader({ path: "" }),
    image("c.jpg", "3"),
    paxHeader({ path: "" }, "g"),
    image("d.jpg", "4"),
  ]);
  assertEquals(await readShard(tar), ["0.jpg null 1", "1.jpg null 2", "c.jpg null 3", "d.jpg null 4"]);
});

Deno.test("GNU's long names and targets, its prefix field, and sizes in base 256 are read", async () => {
  const long = `${"a".repeat(120)}/0.jpg`;
  const tar = writeTar([
    { name: "././@LongLink", type: "L", content: `${long}\0`, change: put(257, "ustar  \0") },
    { name: long.slice(0, 100), content: "x", change: put(257, "ustar  \0") },
    { name: "././@LongLink", type: "K", content: `${long}\0`, change: put(257, "ustar  \0") },
    { ...link("b/1.jpg", long.slice(0, 100), "1"), change: put(257, "ustar  \0") },
    // The times of access and change, where POSIX has a prefix.
    { ...image("c/2.jpg"), change: (header) => (put(257, "ustar  \0")(header), put(345, "14000000000\0")(header)) },
    { ...image("c/3.jpg", "four"), change: put(124, `\x80${"\0".repeat(10)}\x04`) },
  ]);
  assertEquals(await readShard(tar), [`${long} 0 x`, "b/1.jpg 1 x", "c/2.jpg 2 x", "c/3.jpg 2 four"]);
});

Deno.test("V7 archives, ustar's prefix, signed checksums and contiguous files are read", async () => {
  const tar = writeTar([
    { name: "cat/0.jpg", content: "x", type: "\0", change: put(257, "\0".repeat(8)) },
    { name: "cat/", type: "\0", change: put(257, "\0".repeat(8)) },
    { name: "1.jpg", content: "x", change: put(345, `${"d".repeat(150)}/cat`) },
    { name: "dog/2.jpg", content: "x", type: "7" },
    { name: "dog", type: "5" },
  ]);
  // As writers do that take bytes as signed.
  const old = writeTar([image(latin1("dog/\xe9.jpg"))]).slice(0, 1024);
  old.set(latin1("        "), 148);
  const signed = old.subarray(0, 512).reduce((sum, byte) => sum + ((byte << 24) >> 24), 0);
  old.set(latin1(`${signed.toString(8).padStart(6, "0")}\0 `), 148);
  assertEquals(
    await readShard(joinBytes([old, tar])),
    [
      "dog/\\xe9.jpg 2 x",
      "cat/0.jpg 0 x",
      `${"d".repeat(150)}/cat/1.jpg 1 x`,
      "dog/2.jpg 2 x",
    ].map((line) => line),
  );
});

Deno.test("links, folders and devices have no content, whatever their headers say", async () => {
  const tar = writeTar([
    { name: "cat", type: "5", change: put(124, "00000001000\0") },
    image("cat/0.jpg"),
    { ...link("dog/1.jpg", "cat/0.jpg", "1"), change: put(124, "00000000001\0") },
    { ...link("dog/2.jpg", "../cat/0.jpg", "2"), change: put(124, "00000000777\0") },
    { name: "cat/pipe.jpg", type: "6", change: put(124, "nonsense    ") },
    { name: "cat/device", type: "3" },
    { name: "cat/unknown.jpg", type: "Z", content: "passed over" },
    image("dog/3.jpg"),
  ]);
  assertEquals(await readShard(tar), ["cat/0.jpg 0 x", "dog/1.jpg 1 x", "dog/2.jpg 1 x", "dog/3.jpg 1 x"]);
  await using folder = await makeFolder({ "a.tar": tar });
  assertEquals((await (await openImages(folder.path)).survey()).passedOver, [
    { what: "of type device, pipe or another", count: 3, first: "a.tar/cat/pipe.jpg" },
  ]);
});

for (
  const [what, files, message] of [
    ["a negative pax size", [paxHeader({ size: "-1536" }), image("b.jpg")], 'at byte 2048: a size of "-1536"'],
    ["a pax size that is no number", [paxHeader({ size: "0x10" }), image("b.jpg")], 'at byte 2048: a size of "0x10"'],
    [
      "a pax size beyond all files",
      [paxHeader({ size: "9".repeat(30) }), image("b.jpg")],
      `at byte 2048: a size of "${"9".repeat(30)}"`,
    ],
    [
      "an endless pax size",
      [paxHeader({ size: `${2 ** 52}` }), image("b.jpg")],
      `at byte 4096: the file ends inside the member at byte 2048, which has ${2 ** 52} bytes`,
    ],
    [
      "a size that is not octal",
      [{ ...image("b.jpg"), change: put(124, "00000000009\0") }],
      'at byte 1024: a size of "00000000009"',
    ],
    [
      "a negative size in base 256",
      [{ ...image("b.jpg"), change: put(124, "\xff".repeat(12)) }],
      'at byte 1024: a size of "',
    ],
    [
      "a long name without end",
      [{ name: "L", type: "L", change: put(124, "77777777777\0") }],
      "at byte 1024: a name of 8589934591 bytes",
    ],
    [
      "a name of a megabyte",
      [paxHeader({ path: `${"d/".repeat(500_000)}b.jpg` }), image("b.jpg")],
      "a name of 1000005 characters",
    ],
    [
      "a link to a name of a megabyte",
      [paxHeader({ linkpath: "x".repeat(1_000_000) }), link("b.jpg", "x", "2")],
      "a name of 1000000 characters",
    ],
    [
      "a pax length that leads nowhere",
      [{ name: "x", type: "x", content: "0 path=b.jpg\n" }, image("b.jpg")],
      "at byte 1024: a damaged pax header",
    ],
    [
      "a pax length beyond its header",
      [{ name: "x", type: "x", content: "99 path=b.jpg\n" }, image("b.jpg")],
      "at byte 1024: a damaged pax header",
    ],
    [
      "a pax record without end",
      [{ name: "x", type: "x", content: "13 path=b.jpg " }, image("b.jpg")],
      "at byte 1024: a damaged pax header",
    ],
    [
      "pax text",
      [{ name: "x", type: "x", content: "no record at all" }, image("b.jpg")],
      "at byte 1024: a damaged pax header",
    ],
  ] as [string, TarFile[], string][]
) {
  Deno.test(`${what} ends a shard at its byte`, async () => {
    const lines = await readShard(writeTar([image("a.jpg"), ...files]));
    assertEquals(lines.length, 2);
    assertEquals(lines[0], "a.jpg null x");
    assertMatch(lines[1], /^a\.tar Cannot read tar shard ".*\/a\.tar": at byte /);
    assertEquals(lines[1].includes(message), true, lines[1]);
  });
}

Deno.test("a sparse file whose map is cut off ends a shard", async () => {
  const sparse: TarFile = { name: "b.jpg", type: "S", change: (header) => header[482] = 1 };
  const lines = await readShard(writeTar([image("a.jpg"), sparse]).slice(0, 1600));
  assertEquals(lines.map((line) => line.replace(/".*"/, "")), [
    "a.jpg null x",
    "a.tar Cannot read tar shard : at byte 1600: the file ends inside the member at byte 1024, which has 0 bytes",
  ]);
});

Deno.test("another archive behind the end of one is not read, which is said", async () => {
  const joined = joinBytes([writeTar([image("a.jpg")]), new Uint8Array(8192), writeTar([image("b.jpg")])]);
  await using folder = await makeFolder({
    "a.tar": joined,
    "b.tar": writeTar([image("c.jpg")]),
    "c.tgz": await gzip(joined),
  });
  const source = await openImages(folder.path);
  assertEquals(await list(source), ["a.tar/a.jpg null", "b.tar/c.jpg null", "c.tgz/a.jpg null"]);
  assertEquals(
    (await source.survey()).remarks,
    ["a.tar", "c.tgz"].map((name) => `"${folder.path}/${name}" has another archive behind its end, which is not read`),
  );
});

Deno.test("openImages() says in what way an archive is damaged that has no image before it", async () => {
  await using folder = await makeFolder({ "a.tar": writeTar([paxHeader({ size: "-1536" }), image("a/3.jpg")]) });
  await assertRejects(
    () => openImages(folder.path),
    Deno.errors.NotFound,
    'tar shard "a.tar": at byte 1024: a size of "-1536"',
  );
});

Deno.test("a large member that is no image, and one that is too large for one, are not read as a whole", async () => {
  const text = `Cannot decode image: a file of 1000000 bytes that begins 00 00 00 00 00 00 00 00`;
  const tar = writeTar([
    { name: "cat/0.jpg", content: new Uint8Array(1_000_000) },
    { name: "dog/1.jpg", content: joinBytes([latin1("\xff\xd8\xff\xe0"), new Uint8Array(1_000_000)]) },
    image("eel/2.jpg"),
  ]);
  for (const content of [tar, await gzip(tar)]) {
    await using folder = await makeFolder({ "a.tar": content });
    const images = await assertRanges(() => openImages(folder.path));
    assertEquals(images.map(({ label }) => label), [0, 1, 2]);
    assertEquals(reasonOf(images[0]).slice(0, text.length), text);
    assertEquals([bytesOf(images[1]).length, bytesOf(images[2]).length], [1_000_004, 1]);
  }
  await using folder = await makeFolder({ "a.tar": writeTar([image("0.jpg")]).subarray(0, 1024) });
  // 300,000,000 bytes that take no room on disk.
  const large = { ...image("1.jpg", ""), change: put(124, "02170321400\0") };
  const header = writeTar([large]).subarray(0, 512);
  await Deno.writeFile(`${folder.path}/a.tar`, header, { append: true });
  await Deno.truncate(`${folder.path}/a.tar`, 1536 + 300_000_256);
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(
    reasonOf(images[1]),
    "Cannot read image: it has 300,000,000 bytes, and an encoded image may have 268,435,456",
  );
  const [, { place }] = await Array.fromAsync((await openImages(folder.path)).list());
  await assertRejects(() => readImageFile(place as FilePlace), Error, "it has 300,000,000 bytes");
});
