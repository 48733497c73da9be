import { assertEquals } from "@std/assert";
import { openImages } from "../../../formats/images/mod.ts";
import { createTallies, extensionOf, labelOfNumber } from "../../../formats/images/survey.ts";
import { makeFolder } from "./collect.ts";
import { imageColumns, writeParquet } from "./parquet_writer.ts";
import { writeTar } from "./tar_writer.ts";

Deno.test("labelOfNumber() takes whole numbers that an int32 holds and says why others are no label", () => {
  const cases: [unknown, number | string][] = [
    [0, 0],
    [7n, 7],
    [2.0, 2],
    [2147483647, 2147483647],
    [2147483648, "with a label beyond 2,147,483,647"],
    [2n ** 63n, "with a label beyond 2,147,483,647"],
    [Infinity, "with a label beyond 2,147,483,647"],
    [-1, "with a negative label"],
    [-1n, "with a negative label"],
    [1.5, "whose label is no whole number"],
    [NaN, "whose label is no whole number"],
    [null, "without a label"],
    [undefined, "without a label"],
    ["3", "whose label is no number"],
  ];
  for (const [value, expected] of cases) {
    const found = labelOfNumber(value);
    assertEquals(found.label ?? ("unlabelled" in found && found.unlabelled), expected, String(value));
  }
});

Deno.test("extensionOf() is what a name ends in, in lower case", () => {
  const names = ["a.TXT", "x/b.tar.gz", "c", ".hidden", "d.", "e.not-an-extension-any-more", "f/.g.json"];
  assertEquals(names.map(extensionOf), [
    ".txt",
    ".gz",
    "without extension",
    "without extension",
    "without extension",
    "without extension",
    ".json",
  ]);
});

Deno.test("createTallies() orders kinds by number, then naturally, and bounds how many it tells apart", () => {
  const tallies = createTallies();
  for (const [what, name] of [["b10", "1"], ["a", "2"], ["b9", "3"], ["a", "4"]]) tallies.add(what, name);
  assertEquals(tallies.list(), [
    { what: "a", count: 2, first: "2" },
    { what: "b9", count: 1, first: "3" },
    { what: "b10", count: 1, first: "1" },
  ]);
  for (let kind = 0; kind < 5000; kind++) tallies.add(`kind ${kind}`, `${kind}`);
  const kinds = tallies.list();
  assertEquals([kinds.length, kinds.reduce((sum, { count }) => sum + count, 0)], [1001, 5004]);
  assertEquals(kinds[0], { what: "other", count: 4003, first: "997" });
});

Deno.test("survey() of a folder of shards counts what stands beside them, and adds what is passed over in them", async () => {
  const tar = writeTar([{ name: "cat/1.jpg", content: "image" }, { name: "cat/1.txt", content: "a cat" }]);
  const parquet = writeParquet(imageColumns([Uint8Array.of(1)]));
  await using folder = await makeFolder({
    "tar/a.tar": tar,
    "tar/README.md": "",
    "tar/b.txt": "",
    "tar/._a.tar": "",
    "tar/more/b.tar": tar,
    "parquet/a.parquet": parquet,
    "parquet/README.md": "",
    "parquet/b.parquet.bak": "",
  });
  const passedOver = async (name: string) => (await (await openImages(`${folder.path}/${name}`)).survey()).passedOver;
  assertEquals(await passedOver("tar"), [
    { what: ".txt", count: 2, first: "b.txt" },
    { what: ".md", count: 1, first: "README.md" },
    { what: "hidden", count: 1, first: "._a.tar" },
    { what: "of type folder", count: 1, first: "more" },
  ]);
  assertEquals((await passedOver("parquet")).map(({ what, count }) => [what, count]), [[".bak", 1], [".md", 1]]);
  assertEquals(await passedOver("tar/a.tar"), [{ what: ".txt", count: 1, first: "a.tar/cat/1.txt" }]);
});

Deno.test("survey() of a folder counts labels and files that are passed over, whatever was read before", async () => {
  await using folder = await makeFolder({
    "cat/1.jpg": "",
    "cat/notes.txt": "",
    "cat/2.TXT": "",
    "cat/.hidden.jpg": "",
    "dog/1.jpg": "",
    "dog/deep/labels.json": "",
    "bare.jpg": "",
    ".git/x.jpg": "",
  });
  await Deno.symlink("..", `${folder.path}/dog/above`);
  const source = await openImages(folder.path);
  await Array.fromAsync(source.read({ start: 1, end: 2 }));
  const survey = await source.survey();
  assertEquals(survey, {
    images: 3,
    labelled: 2,
    unlabelled: [{ what: "in no class folder", count: 1, first: "bare.jpg" }],
    passedOver: [
      { what: ".txt", count: 2, first: "cat/2.TXT" },
      { what: "hidden", count: 2, first: ".git" },
      { what: ".json", count: 1, first: "dog/deep/labels.json" },
      { what: "linked to a folder above", count: 1, first: "dog/above" },
    ],
    remarks: [],
  });
  assertEquals(await (await openImages(folder.path)).survey(), survey);
});
