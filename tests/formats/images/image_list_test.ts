import { assert, assertEquals, assertRejects } from "@std/assert";
import { resolve } from "@std/path";
import { createListFile } from "../../../formats/images/image_list_file.ts";
import { type ImageSource, openImageList, openImages, writeImageList } from "../../../formats/images/mod.ts";
import { collect, list, makeFolder } from "./collect.ts";
import { imageColumns, textColumn, writeParquet } from "./parquet_writer.ts";
import { writeTar } from "./tar_writer.ts";

const PARQUET = "tests/fixtures/images/parquet";

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A WebDataset's shard, or a plain one of two class folders. */
function shard(from: number, to: number, { plain = false } = {}): Uint8Array<ArrayBuffer> {
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  return writeTar(
    numbers.flatMap((number) =>
      plain ? [{ name: `${number % 2 ? "dog" : "cat"}/${number}.jpg`, content: `image ${number}` }] : [
        { name: `${number}.jpg`, content: `image ${number}` },
        { name: `${number}.cls`, content: `${number * 10}` },
        { name: `${number}.png`, content: `second image ${number}` },
      ]
    ),
  );
}

/** The list of a source, in a folder of its own. */
async function listOf(path: string): Promise<{ source: ImageSource; file: string }> {
  const file = `${await Deno.makeTempDir()}/images.list`;
  const { images } = await writeImageList(await openImages(path), file);
  const source = await openImageList(file);
  assertEquals(await source.count(), images);
  return { source, file };
}

Deno.test("openImageList() gives the images of openImages(), in every range, whatever they are in", async () => {
  const damaged = shard(0, 4);
  await using folder = await makeFolder({
    "folders/cat/1.jpg": "one",
    "folders/cat/new\nline.jpg": "two",
    "folders/dog/deeper/10.jpg": "three",
    "folders/dog/2.jpg": "four",
    "folders/zebra.jpg": "five",
    "flat/1.jpg": "one",
    "flat/02.jpg": "two",
    "samples/a-0.tar": shard(0, 3),
    "samples/a-1.tar": shard(3, 5),
    "plain/a.tar": shard(0, 3, { plain: true }),
    "plain/b.tar": shard(3, 6, { plain: true }),
    "packed/a.tgz": await gzip(shard(0, 3)),
    "packed/b.tar": shard(3, 5),
    "packed/c.tar.gz": await gzip(shard(5, 7)),
    "packed-plain/a.tgz": await gzip(shard(0, 4, { plain: true })),
    "twice/a.tgz": await gzip(
      writeTar([1, 2, 1, 3, 1, 4].map((name, place) => ({ name: `cat/${name}.jpg`, content: `image ${place}` }))),
    ),
    "damaged/a.tar": damaged.subarray(0, 4 * 1024 + 600),
    "damaged/b.tar": new Uint8Array(2000).fill(7),
    "damaged/c.tgz": (await gzip(shard(4, 30))).subarray(0, 200),
    "damaged/d.tar": shard(30, 32),
  });
  const paths = [
    "assets/photos",
    "assets/photos/several/cat-coffee.jpg",
    ...["folders", "flat", "samples", "plain", "packed", "packed-plain", "twice", "damaged"].map((name) =>
      `${folder.path}/${name}`
    ),
    `${folder.path}/samples/a-{0..1}.tar`,
    `${PARQUET}/train-{00000..00001}-of-00002.parquet`,
    `${PARQUET}/holes.parquet`,
  ];
  for (const path of paths) {
    const source = await openImages(path);
    const { source: listed } = await listOf(path);
    assertEquals([listed.path, listed.description, listed.classes], [
      resolve(path),
      source.description,
      source.classes,
    ]);
    const absolute = JSON.parse(
      JSON.stringify(await collect(source)).replaceAll(`"path":"assets`, `"path":"${resolve("assets")}`),
    );
    const images = JSON.parse(JSON.stringify(await collect(listed)).replaceAll(resolve(PARQUET), PARQUET));
    assertEquals(images, absolute, path);
    const count = await listed.count();
    for (let start = 0; start <= Math.min(count, 12); start++) {
      for (const end of [start, start + 1, start + 3]) {
        assertEquals(await list(listed, { start, end }), await list(source, { start, end }), `${path} ${start}-${end}`);
        const keys = (await Array.fromAsync(listed.list({ start, end }))).map(({ key, place }) => ({ key, place }));
        const expected = (await Array.fromAsync(source.list({ start, end }))).map(({ key, place }) => ({ key, place }));
        assertEquals(JSON.parse(JSON.stringify(keys).replaceAll(`${Deno.cwd()}/`, "")), expected);
      }
    }
  }
});

/** Makes every file of a folder unusable but some: removed, or as long as before and of other bytes. */
function spoilOthers(path: string, kept: RegExp): void {
  for (const [index, { name }] of [...Deno.readDirSync(path)].entries()) {
    if (kept.test(name)) continue;
    const file = `${path}/${name}`;
    if (index % 2 === 0) Deno.removeSync(file, { recursive: true });
    else if (Deno.statSync(file).isFile) Deno.writeFileSync(file, new Uint8Array(Deno.statSync(file).size).fill(1));
  }
}

Deno.test("a range of a list is read from the files that hold it, and the first and last key from none", async () => {
  const two = { "0.tar": shard(0, 4), "1.tar": shard(4, 8), "2.tar": shard(8, 12), "3.tar": shard(12, 16) };
  const plain = Object.fromEntries(
    ["0.tar", "1.tar", "2.tar", "3.tar"].map((name, index) => [name, shard(4 * index, 4 * index + 4, { plain: true })]),
  );
  const packed = Object.fromEntries(
    await Promise.all(Object.entries(two).map(async ([name, bytes]) => [`${name}.gz`, await gzip(bytes)])),
  );
  const parquet = Object.fromEntries([0, 1, 2, 3].map((index) => {
    return [`${index}.parquet`, Deno.readFileSync(`${PARQUET}/train-0000${index % 2}-of-00002.parquet`)];
  }));
  const folders = Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [`class ${Math.floor(index / 4)}/${index}.jpg`, `image ${index}`]),
  );
  for (const [kind, files] of Object.entries({ two, plain, packed, parquet, folders })) {
    await using folder = await makeFolder(files);
    const source = await openImages(folder.path);
    const count = await source.count();
    const quarters = (await Array.fromAsync(source.list())).map(({ key }) => Number(/\d/.exec(key)![0]));
    const range = { start: quarters.indexOf(1) + 1, end: quarters.indexOf(3) - 1 };
    const expected = await collect(source, range);
    const [first, last] = await list(source).then((all) => [all[0], all[count - 1]]);
    const { file } = await listOf(folder.path);
    spoilOthers(folder.path, /^(class )?[12]/);
    const listed = await openImageList(file);
    assertEquals(await collect(listed, range), expected, kind);
    assertEquals(await listed.count(), count);
    for (const [index, image] of [[0, first], [count - 1, last]] as const) {
      const [{ key, label }] = await Array.fromAsync(listed.list({ start: index, end: index + 1 }));
      assertEquals(`${key} ${label}`, image, kind);
    }
  }
});

Deno.test("a range of a list is read from its own lines", async () => {
  const members = Array.from({ length: 3500 }, (_, index) => ({ name: `${index}.jpg`, content: "" }));
  await using folder = await makeFolder({ "a.tar": writeTar(members) });
  const { source, file } = await listOf(folder.path);
  const keys = (await Array.fromAsync(source.list())).map(({ key }) => key);
  assertEquals(keys, members.map(({ name }) => `a.tar/${name}`));
  // All lines but those from 2000 to before 3000, which are in one block.
  const text = Deno.readTextFileSync(file);
  const [start, end] = [text.indexOf('["a.tar/2000.jpg"'), text.indexOf('["a.tar/3000.jpg"')];
  const index = text.indexOf('{"path"');
  const blank = (from: number, to: number) => "x".repeat(to - from);
  Deno.writeTextFileSync(file, blank(0, start) + text.slice(start, end) + blank(end, index) + text.slice(index));
  const damaged = await openImageList(file);
  assertEquals((await list(damaged, { start: 2000, end: 3000 })).length, 1000);
  assertEquals(await list(damaged, { start: 2345, end: 2346 }), ["a.tar/2345.jpg null"]);
  for (const range of [{ start: 1999, end: 2001 }, { start: 2999, end: 3001 }, {}]) {
    await assertRejects(() => collect(damaged, range), TypeError, `Cannot read list of images "${file}": `);
  }
});

Deno.test("a listed file that is gone, or has another size, ends the reading with one sentence", async () => {
  await using folder = await makeFolder({
    "images/cat/1.jpg": "one",
    "images/cat/2.jpg": "two",
    "tar/a.tar": shard(0, 2),
    "tar/b.tar": shard(2, 4),
    "tgz/a.tgz": await gzip(shard(0, 2)),
    "parquet/a.parquet": Deno.readFileSync(`${PARQUET}/train-00000-of-00002.parquet`),
  });
  for (const name of ["images/cat/2.jpg", "tar/b.tar", "tgz/a.tgz", "parquet/a.parquet"]) {
    const [root] = name.split("/");
    const { source, file } = await listOf(`${folder.path}/${root}`);
    const path = `${folder.path}/${name}`;
    const { size } = Deno.statSync(path);
    if (root !== "images") {
      Deno.writeFileSync(path, new Uint8Array(10), { append: true });
      await assertRejects(
        () => collect(source),
        TypeError,
        `Cannot read images by list "${file}": "${path}" has ${size + 10} bytes, and had ${size} when it was listed`,
      );
    }
    Deno.removeSync(path);
    await assertRejects(
      () => collect(source),
      Deno.errors.NotFound,
      `Cannot read images by list "${file}": "${path}" is listed: no such file or directory`,
    );
  }
});

Deno.test("a link that leads nowhere is listed, and rejected like any image that cannot be read", async () => {
  await using folder = await makeFolder({ "cat/1.jpg": "one" });
  Deno.symlinkSync("nowhere", `${folder.path}/cat/2.jpg`);
  const { source } = await listOf(folder.path);
  assertEquals(await list(source), ["cat/1.jpg 0", "cat/2.jpg 0"]);
});

Deno.test("openImageList() refuses what is no list, or not all of one", async () => {
  await using folder = await makeFolder({ "images/1.jpg": "one", "empty": "", "text": "n01440764/1.JPEG\n".repeat(9) });
  const { file } = await listOf(`${folder.path}/images`);
  const whole = Deno.readFileSync(file);
  const message = (path: string) => `Cannot read list of images "${path}": `;
  const none = `${folder.path}/none`;
  await assertRejects(() => openImageList(none), Deno.errors.NotFound, `${message(none)}no such file`);
  const cut = `${folder.path}/cut`;
  for (let length = 0; length < whole.length; length++) {
    Deno.writeFileSync(cut, whole.subarray(0, length));
    await assertRejects(() => openImageList(cut), TypeError, `${message(cut)}it is no such list, or not all of one`);
  }
  for (const name of ["empty", "text", "images/1.jpg"]) {
    const path = `${folder.path}/${name}`;
    await assertRejects(() => openImageList(path), TypeError, `${message(path)}it is no such list, or not all of one`);
  }
  const text = new TextDecoder().decode(whole);
  for (
    const [before, after, what] of [
      ['"offsets":[0]', '"offsets":[]', "has offsets []"],
      ['"images":1', '"images":1001', "has offsets [0]"],
      ['"shards":[]', '"shards":[{"path":"a.tar","bytes":1,"images":1}]', "has shards [{"],
      ['{"path"', '["path"', "is not JSON"],
    ]
  ) {
    assert(text.includes(before));
    Deno.writeTextFileSync(cut, text.replace(before, after));
    await assertRejects(() => openImageList(cut), TypeError, `${message(cut)}its index ${what}`);
  }
  for (const line of ['["1.jpg",-2]', '["1.jpg",0,1]', '["1.jpg",0.5]', "[1,2,3,4]  ", "{}          "]) {
    Deno.writeTextFileSync(cut, text.replace(/^.*\n/, `${line}\n`.padStart(text.indexOf("\n") + 1)));
    const list = await openImageList(cut);
    await assertRejects(() => collect(list), TypeError, `${message(cut)}line 0 is `);
  }
});

Deno.test("writeImageList() leaves no list behind that is not whole", async () => {
  await using folder = await makeFolder({ "images/1.jpg": "one", "images/2.jpg": "two" });
  const source = await openImages(`${folder.path}/images`);
  const counts: number[] = [];
  await writeImageList(source, `${folder.path}/a.list`, (images) => counts.push(images));
  assertEquals(counts, [1, 2]);
  const failing: ImageSource = {
    ...source,
    async *list() {
      yield* source.list({ end: 1 });
      throw new Error("Cannot list on");
    },
  };
  await assertRejects(() => writeImageList(failing, `${folder.path}/b.list`), Error, "Cannot list on");
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["a.list", "images"]);
  const path = `${folder.path}/no/such.list`;
  await assertRejects(
    () => writeImageList(source, path),
    Deno.errors.NotFound,
    `Cannot write list of images "${path}": no such file or directory`,
  );
});

Deno.test("a list keeps labels that are numbered over all files, and what its source said of itself", async () => {
  const file = (labels: (string | null)[]) =>
    writeParquet([...imageColumns(labels.map((_, index) => Uint8Array.of(index))), textColumn("label", labels)]);
  await using folder = await makeFolder({
    "parquet/a.parquet": file(["dog", "eel"]),
    "parquet/b.parquet": file([null, "eel", "cat"]),
    "folder/cat/1.jpg": "one",
    "folder/cat/1.txt": "a cat",
    "folder/dog/note": "no image",
    "folder/bare.jpg": "two",
  });
  for (const [name, labels] of [["parquet", [1, 2, null, 2, 0]], ["folder", [null, 0]]] as const) {
    const source = await openImages(`${folder.path}/${name}`);
    const { source: listed } = await listOf(`${folder.path}/${name}`);
    assertEquals((await collect(listed)).map(({ label }) => label), [...labels]);
    assertEquals((await collect(listed, { start: 1 })).map(({ label }) => label), labels.slice(1));
    assertEquals(await listed.survey(), await source.survey());
  }
  const { passedOver, remarks } = await (await openImages(`${folder.path}/folder`)).survey();
  assertEquals(passedOver.map(({ what, count }) => [what, count]), [[".txt", 1], ["without extension", 1]]);
  assertEquals(remarks, ['Class folder "dog" holds no image, and is counted as a class']);
});

Deno.test("a list of an earlier version is surveyed by its lines, and one with a label beyond int32 refused then", async () => {
  await using folder = await makeFolder({});
  const index = { path: "/data", description: "a folder", classes: null, images: 2, root: "/data", shards: [] };
  const write = async (labels: (number | null)[]) => {
    const list = createListFile(`${folder.path}/a.list`);
    for (const [position, label] of labels.entries()) list.append({ key: `${position}.jpg`, label });
    list.finish(index);
    return await openImageList(`${folder.path}/a.list`);
  };
  const survey = await (await write([2147483647, null])).survey();
  assertEquals([survey.images, survey.labelled], [2, 1]);
  assertEquals(survey.unlabelled, [{ what: "without a label", count: 1, first: "1.jpg" }]);
  const list = await write([0, 2147483648]);
  await assertRejects(() => list.survey(), TypeError, `line 1 is "[\\"1.jpg\\",2147483648]"`);
});
