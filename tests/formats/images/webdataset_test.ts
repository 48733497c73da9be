import { assertEquals } from "@std/assert";
import { openImages } from "../../../formats/images/mod.ts";
import { createSamples } from "../../../formats/images/webdataset.ts";
import { assertRanges, makeFolder } from "./collect.ts";
import { gzip, type TarFile, writeTar } from "./tar_writer.ts";

/** Members by their names, with what is in the labels. */
function members(...lines: readonly string[]): TarFile[] {
  return lines.map((line) => {
    const [name, content] = line.split(" = ");
    return { name, content: content ?? "x" };
  });
}

/** `name label` of each image of a shard, the same in every range, listed and gzipped, and its survey. */
async function readShard(files: readonly TarFile[]) {
  const tar = writeTar(files);
  await using folder = await makeFolder({ "plain/a.tar": tar, "gzipped/a.tar": await gzip(tar) });
  const [plain, gzipped] = [`${folder.path}/plain/a.tar`, `${folder.path}/gzipped/a.tar`];
  const images = await assertRanges(() => openImages(plain));
  const named = ({ key, label }: { key: string; label: number | null }) => `${key.slice("a.tar/".length)} ${label}`;
  assertEquals((await assertRanges(() => openImages(gzipped))).map(named), images.map(named));
  return { labels: images.map(named), survey: await (await openImages(plain)).survey() };
}

async function labelsOf(...lines: readonly string[]): Promise<string[]> {
  return (await readShard(members(...lines))).labels;
}

Deno.test("a shard of the webdataset package's writer has the labels that it and datasets read", async () => {
  const images = await assertRanges(() => openImages("tests/fixtures/images/tar/webdataset.tar.gz"));
  assertEquals(images.map(({ key, label }) => [key.slice("webdataset.tar.gz/".length), label]), [
    ["000000.jpg", 207],
    ["000001.png", 3],
    ["train/000002.left.jpg", 9],
    ["train/000002.right.jpg", 9],
    ["train/000003.jpg", null],
    ["train/000004.webp", 11],
    [`${"\u00e9".repeat(60)}.jpg`, 0],
  ]);
});

Deno.test("an image whose name has dots has the label whose name goes furthest with its own", async () => {
  assertEquals(
    await labelsOf(
      "2020-01-05 12.33.00.jpg",
      "2020-01-05 12.33.00.cls = 0",
      "2020-01-05 12.33.01.jpg",
      "2020-01-05 12.33.01.cls = 1",
      "2020-01-05 12.33.02.jpg",
      "2020-01-05 12.33.02.cls = 2",
    ),
    ["2020-01-05 12.33.00.jpg 0", "2020-01-05 12.33.01.jpg 1", "2020-01-05 12.33.02.jpg 2"],
  );
  // Of one sample, but no image's own.
  assertEquals(await labelsOf("v1.0.jpg", "v1.1.jpg", "v1.1.cls = 7"), ["v1.0.jpg null", "v1.1.jpg 7"]);
  assertEquals(await labelsOf("a.left.jpg", "a.right.jpg", "a.cls = 3"), ["a.left.jpg 3", "a.right.jpg 3"]);
  assertEquals(
    await labelsOf("a.1.left.jpg", "a.2.left.jpg", "a.1.cls = 1", 'a.2.json = {"label": 2}', "a.cls = 9"),
    ["a.1.left.jpg 1", "a.2.left.jpg 2"],
  );
  assertEquals(await labelsOf("a.jpg", "a.seg.cls = 5", "b.jpg", "b.cls = 1"), ["a.jpg null", "b.jpg 1"]);
  assertEquals(await labelsOf("x.1/a.jpg", "x.1/a.cls = 1", "x.2/a.jpg", "x.2/a.cls = 2"), [
    "x.1/a.jpg 1",
    "x.2/a.jpg 2",
  ]);
});

Deno.test("a WebDataset is known by any of its labels, in whatever case their names are", async () => {
  assertEquals(await labelsOf("0.jpg", "1.jpg", "1.cls = 1", "2.jpg", "2.cls = 2"), [
    "0.jpg null",
    "1.jpg 1",
    "2.jpg 2",
  ]);
  assertEquals(await labelsOf("0.JPG", "0.CLS = 0", "1.Jpg", "1.Cls = 1", "2.jpg", '2.JSON = {"label": 2}'), [
    "0.JPG 0",
    "1.Jpg 1",
    "2.jpg 2",
  ]);
  assertEquals(await labelsOf("a/0.jpg", 'a/0.json = {"caption": "x"}', "b/1.jpg", "b/1.cls = 4"), [
    "a/0.jpg null",
    "b/1.jpg 4",
  ]);
});

Deno.test("a WebDataset is known by the labels of a later shard", async () => {
  await using folder = await makeFolder({
    "a.tar": writeTar(members("cat/0.jpg")),
    "b.tar": writeTar(members("dog/1.jpg", "dog/1.cls = 1")),
  });
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(images.map(({ label }) => label), [null, 1]);
});

Deno.test("files beside images that hold no label leave an archive one of class folders", async () => {
  const { labels, survey } = await readShard(
    members("cat/0.jpg", 'cat/0.json = {"boxes": []}', "dog/1.jpg", 'dog/1.json = {"label": "a dog"}', "dog/2.jpg"),
  );
  assertEquals(labels, ["cat/0.jpg 0", "dog/1.jpg 1", "dog/2.jpg 1"]);
  assertEquals(survey.passedOver, [{ what: ".json", count: 1, first: "a.tar/cat/0.json" }]);
});

for (const order of ['0.cls = 5|0.json = {"label": 9}|0.jpg', '0.json = {"label": 9}|0.jpg|0.cls = 5']) {
  Deno.test(`.cls counts before .json, and that they differ is said: ${order}`, async () => {
    const { labels, survey } = await readShard(
      members(...order.split("|"), "1.jpg", '1.json = {"label": 1}', "1.cls = 1"),
    );
    assertEquals(labels, ["0.jpg 5", "1.jpg 1"]);
    assertEquals(survey.remarks, ["1 image has another label in .json than in .cls, which counts"]);
  });
}

Deno.test("a label in JSON is `label` or `cls`, whichever is a number", async () => {
  const json = (...values: string[]) =>
    labelsOf(...values.flatMap((value, index) => [`${index}.jpg`, `${index}.json = ${value}`]), "z.jpg", "z.cls = 0");
  assertEquals(
    await json(
      '{"label": 3}',
      '{"cls": 4}',
      '{"label": "cat", "cls": 5}',
      '{"label": null, "cls": 6}',
      '{"label": 7.0}',
    ),
    ["0.jpg 3", "1.jpg 4", "2.jpg 5", "3.jpg 6", "4.jpg 7", "z.jpg 0"],
  );
  assertEquals(
    await json('{"label": 3, "cls": 4}', '{"label": "3"}', "7", "[1]", "null", '{"label": 1.5}', '{"label": 1e400}'),
    ["0.jpg null", "1.jpg null", "2.jpg null", "3.jpg null", "4.jpg null", "5.jpg null", "6.jpg null", "z.jpg 0"],
  );
});

Deno.test("a label that is none is counted with what it is instead", async () => {
  const wrong = ["2147483648", "3000000000", "-1", "cat", "", "1.5", "1e3", "99999999999999999999999"];
  const { labels, survey } = await readShard(
    members(
      ...wrong.flatMap((text, index) => [`${index}.jpg`, `${index}.cls = ${text}`]),
      ...[
        "8.jpg",
        "8.json = { not JSON",
        "9.jpg",
        "8.txt = 3",
        "10.jpg",
        "10.cls = 2147483647",
        "11.jpg",
        "11.cls =  12\n",
      ],
    ),
  );
  assertEquals(labels.slice(10), ["10.jpg 2147483647", "11.jpg 12"]);
  assertEquals(labels.slice(0, 10).filter((line) => !line.endsWith(" null")), []);
  assertEquals([survey.images, survey.labelled], [12, 2]);
  assertEquals(survey.unlabelled, [
    { what: "whose .cls holds no whole number", count: 4, first: "a.tar/3.jpg" },
    { what: "with a label beyond 2,147,483,647", count: 3, first: "a.tar/0.jpg" },
    { what: "whose .json is not JSON", count: 1, first: "a.tar/8.jpg" },
    { what: "with a negative label", count: 1, first: "a.tar/2.jpg" },
    { what: "without a .cls or .json of their name", count: 1, first: "a.tar/9.jpg" },
  ]);
  assertEquals(survey.passedOver, [{ what: ".txt", count: 1, first: "a.tar/8.txt" }]);
});

Deno.test("a label that is too large to be one is not read", async () => {
  const { labels, survey } = await readShard([
    ...members("0.jpg"),
    { name: "0.cls", content: " ".repeat(2000) + "7" },
    ...members("1.jpg"),
    { name: "1.json", content: `{"label": 1, "text": "${"x".repeat(2 ** 20)}"}` },
    ...members("2.jpg", "2.cls = 2"),
  ]);
  assertEquals(labels, ["0.jpg null", "1.jpg null", "2.jpg 2"]);
  assertEquals(survey.unlabelled.map(({ what }) => what), [
    "whose .cls is larger than 1024 bytes",
    "whose .json is larger than 1048576 bytes",
  ]);
});

Deno.test("what systems leave in archives is no image, no label and no end of a sample", async () => {
  const { labels, survey } = await readShard(
    members(
      ...["./._0.jpg", "./0.jpg", "./._0.cls", "./0.cls = 0"],
      ...["1.jpg", ".DS_Store", "1.cls = 1"],
      ...["__MACOSX/2.jpg", "2.jpg", "__MACOSX/2.cls = 7", "2.cls = 2"],
      ...["a/3.jpg", "a/.hidden/3.jpg", "a/.hidden/3.cls = 7", "a/3.cls = 3"],
      ...["./../4.jpg", "../4.cls = 4"],
    ),
  );
  assertEquals(labels, ["0.jpg 0", "1.jpg 1", "2.jpg 2", "a/3.jpg 3", "../4.jpg 4"]);
  assertEquals(survey.passedOver, [{ what: "hidden", count: 7, first: "a.tar/._0.jpg" }]);
});

Deno.test("images and labels that stand apart are put together by name", async () => {
  assertEquals(await labelsOf("0.jpg", "1.jpg", "2.jpg", "2.cls = 2", "1.cls = 1", "0.cls = 0"), [
    "0.jpg 0",
    "1.jpg 1",
    "2.jpg 2",
  ]);
  assertEquals(await labelsOf("1.cls = 1", "0.cls = 0", "0.jpg", "1.jpg", "2.jpg"), [
    "0.jpg 0",
    "1.jpg 1",
    "2.jpg null",
  ]);
  assertEquals(await labelsOf("0.jpg", "1.txt", "0.cls = 0", "1.jpg", '0.json = {"label": 5}', "1.cls = 1"), [
    "0.jpg 0",
    "1.jpg 1",
  ]);
  assertEquals(await labelsOf("a.1.jpg", "b.jpg", "b.cls = 9", "a.2.cls = 2", "b.txt", "a.1.cls = 1"), [
    "a.1.jpg 1",
    "b.jpg 9",
  ]);
});

Deno.test("an image has no label where two say different ones, and none of another sample of its name", async () => {
  const twice = await readShard(members("0.jpg", "0.cls = 1", "0.cls = 2", "1.jpg", "1.cls = 1", "1.cls = 1"));
  assertEquals(twice.labels, ["0.jpg null", "1.jpg 1"]);
  assertEquals(twice.survey.unlabelled, [{ what: "with two labels that differ", count: 1, first: "a.tar/0.jpg" }]);
  assertEquals(await labelsOf("0.jpg", "1.jpg", "1.cls = 1", "0.cls = 3", "1.txt", "0.cls = 4"), [
    "0.jpg null",
    "1.jpg 1",
  ]);
  assertEquals(await labelsOf("0.jpg", "0.cls = 1", "1.jpg", "1.cls = 5", "0.cls = 2"), ["0.jpg 1", "1.jpg 5"]);
  // The second sample is of images that cannot be told from those of the first.
  assertEquals(await labelsOf("0.jpg", "1.jpg", "1.cls = 5", "0.jpg", "0.cls = 2"), [
    "0.jpg null",
    "1.jpg 5",
    "0.jpg null",
  ]);
});

Deno.test("labels of no image of their shard are counted", async () => {
  const { labels, survey } = await readShard(
    members("0.jpg", "0.cls = 0", "0.seg.cls = 4", "1.cls = 1", "labels/2.cls = 1"),
  );
  assertEquals(labels, ["0.jpg 0"]);
  assertEquals(survey.passedOver, [{ what: "with a label of no image in the shard", count: 3, first: "a.tar" }]);
});

Deno.test("a label is not taken from another shard", async () => {
  await using folder = await makeFolder({
    "a.tar": writeTar(members("0.jpg", "1.jpg", "1.cls = 1")),
    "b.tar": writeTar(members("0.cls = 0", "2.jpg", "2.cls = 2")),
  });
  const images = await assertRanges(() => openImages(folder.path));
  assertEquals(images.map(({ key, label }) => `${key} ${label}`), [
    "a.tar/0.jpg null",
    "a.tar/1.jpg 1",
    "b.tar/2.jpg 2",
  ]);
});

Deno.test("images wait for their labels in a bounded memory, and are told of when it is full", () => {
  const told: string[] = [];
  const samples = createSamples(
    ({ name }, label) => told.push(`${name} ${"none" in label ? label.none : label.found.label}`),
    300,
  );
  for (const name of ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]) samples.addImage(0, name);
  assertEquals(told, []);
  samples.addImage(5, "5.jpg");
  const late = "without a .cls or .json of their name in the same part of a large shard";
  assertEquals(told, ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"].map((name) => `${name} ${late}`));
  for (const label of [0, 5]) samples.addLabel(`${label}.cls`, "cls", { label });
  samples.end();
  assertEquals([told.slice(5), samples.unused()], [["5.jpg 5"], 1]);
});
