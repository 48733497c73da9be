import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { askRows, folderOfImages, runQuery, TWELVE } from "./query_folder.ts";

/** Five images of 12 classes: cat with coffee twice, a cat, a daisy, nothing for sure. */
const IMAGES = [
  { label: 0, cells: [[1, 8], [2, 5], [0, 3]] },
  { label: 0, cells: [[1, 12], [2, 4]] },
  { label: 0, cells: [[0, 15], [1, 1]] },
  { label: 1, cells: [[5, 16]] },
  { label: null, cells: [[5, 16]], probability: 0.25 },
] as const;

/** The data set calls tabby 0 and daisy 1. */
const NAMES = { classes: TWELVE, dataSetClasses: { name: ["Tabby_cat", "DAISY"] } };

Deno.test("query multi-label counts the images that carry several classes, and shows how many carry how many", async () => {
  const path = folderOfImages(IMAGES, NAMES);
  const rows = await askRows(path, "multi-label");
  assertEquals(rows.map(({ class: index, images, with_others }) => [index, images, with_others]), [
    [1, 2, 2],
    [2, 2, 2],
    [0, 2, 1],
    [5, 1, 0],
  ]);
  const { out } = await runQuery(path, "multi-label", "--limit", "2");
  const lines = out.split("\n");
  assertEquals(lines[0], "2 of 5 images (40.0 %) carry more than one class with a score of 0.3 or more");
  assertEquals(lines.slice(2, 7), [
    "classes  images    share",
    "      0       1   20.0 %  ########",
    "      1       2   40.0 %  ################",
    "      2       1   20.0 %  ########",
    "      3       1   20.0 %  ########",
  ]);
  assertEquals(lines.slice(8), [
    "class  name          images  with others    share",
    "-----  ------------  ------  -----------  -------",
    "    1  Egyptian cat       2            2  100.0 %",
    "    2  espresso           2            2  100.0 %",
    "... --limit N shows more, --format csv or json all",
  ]);
  const strict = await askRows(path, "multi-label", "--threshold", "0.75");
  assertEquals(strict.map(({ class: index, images, with_others }) => [index, images, with_others]), [
    [1, 2, 0],
    [0, 1, 0],
    [5, 1, 0],
  ]);
});

Deno.test("query suspicious ranks by self-confidence, then margin", async () => {
  const path = folderOfImages(IMAGES, NAMES);
  const rows = await askRows(path, "suspicious");
  assertEquals(rows.map(({ self_confidence: _, margin: __, ...row }) => row), [
    { key: "1.jpg", given: "Tabby_cat", annotator_says: "Egyptian cat" },
    { key: "0.jpg", given: "Tabby_cat", annotator_says: "Egyptian cat" },
    { key: "2.jpg", given: "Tabby_cat", annotator_says: "tabby" },
    { key: "3.jpg", given: "DAISY", annotator_says: "daisy" },
  ]);
  const [cat, third, tabby, lesser] = [8 / 10.5, 3 / 7, 15 / 15.5, 1 / 8.5];
  [[0, -12 / 14], [third, third - cat], [tabby, tabby - lesser], [1, 1]].forEach(([confidence, margin], index) => {
    assertAlmostEquals(rows[index].self_confidence, confidence, 1e-9);
    assertAlmostEquals(rows[index].margin, margin, 1e-9);
  });
  const { out } = await runQuery(path, "suspicious");
  assert(out.startsWith("4 images by how little"), out);
  assert(out.includes("Left out: 1 image without a label."), out);
});

Deno.test("query suspicious gives a label that no cell has confidence 0 and margin minus the best, and knows the sixth", async () => {
  const cells = [[1, 6], [2, 2], [3, 2], [4, 2], [5, 2], [6, 2]] as const;
  const path = folderOfImages([{ label: 9, cells }, { label: 6, cells }], { classes: TWELVE });
  const [row, sixth] = await askRows(path, "suspicious");
  assertEquals([row.given, row.self_confidence], ["dock", 0]);
  assertAlmostEquals(row.margin, -6 / 7, 1e-9);
  assertAlmostEquals(sixth.self_confidence, 2 / 5, 1e-9);
});

Deno.test("labels stand for classes of the same wnid, else of the same name, else of one synonym that only one has", async () => {
  const name = ["Wrong name", "espresso", "CRANE", "seal", "Sea_Lion", "lifting_machine", "unknown"];
  const wnid = ["n5", "x", "x", "x", "x", "x", "x"];
  const path = folderOfImages([{ label: 0, cells: [[5, 16]] }], { classes: TWELVE, dataSetClasses: { wnid, name } });
  const rows = await askRows(path, "FROM label_classes ORDER BY label");
  assertEquals(rows.map((row) => row.class), [5, 2, 3, null, 6, 4, null]);
});

Deno.test("labels stand for classes by number where the data set's classes have no names", async () => {
  const path = folderOfImages([{ label: 5, cells: [[5, 16]] }, { label: 12, cells: [[5, 16]] }]);
  assertEquals((await askRows(path, "FROM label_classes")).length, 12);
  const { out } = await runQuery(path, "suspicious");
  assert(out.includes("label 7 is taken for class 7"), out);
  assert(out.includes("Left out: 1 image of 1 class that the annotator does not know."), out);
  assertEquals((await askRows(path, "suspicious")).map(({ given }) => given), ["class 5"]);
});

Deno.test("query suspicious says why labels cannot be ranked", async () => {
  const cases: [string, string][] = [
    [
      folderOfImages([{ label: 0, cells: [[5, 16]] }], {
        classes: TWELVE,
        dataSetClasses: { name: ["several", "single"] },
      }),
      "Cannot rank labels: no class of the data set (several, single) has the wnid or name of one of the annotator's 12",
    ],
    [folderOfImages([{ label: null, cells: [[5, 16]] }]), "Cannot rank labels: no image has one"],
    [
      folderOfImages([{ label: 12, cells: [[5, 16]] }]),
      "Cannot rank labels: no label is the number of a class of the annotator",
    ],
  ];
  for (const [path, message] of cases) {
    assertEquals(await runQuery(path, "suspicious"), { code: 1, out: "", error: message });
  }
});

Deno.test("query co-occurrence counts pairs and says how far they are beyond chance", async () => {
  const rows = await askRows(folderOfImages(IMAGES, NAMES), "co-occurrence");
  assertEquals(rows.map((row) => [row.class, row.other_class, row.images]), [[1, 2, 2], [0, 1, 1], [0, 2, 1]]);
  [2 * 5 / (2 * 2), 1 * 5 / (2 * 2), 1 * 5 / (2 * 2)].forEach((lift, index) =>
    assertAlmostEquals(rows[index].lift, lift, 1e-12)
  );
});

Deno.test("query per-class compares what the annotator says with the given labels", async () => {
  const rows = await askRows(folderOfImages(IMAGES, NAMES), "per-class");
  const digits = (row: { mean_score: number | null }) => ({ ...row, mean_score: row.mean_score?.toFixed(7) });
  assertEquals(
    rows.map(digits),
    [
      {
        class: 1,
        name: "Egyptian cat",
        images: 2,
        mean_score: (8 / 10.5 + 12 / 14) / 2,
        carried: 2,
        labelled: 0,
        agreement: null,
        instead: null,
      },
      {
        class: 5,
        name: "daisy",
        images: 2,
        mean_score: (1 + 0.25) / 2,
        carried: 1,
        labelled: 1,
        agreement: 1,
        instead: null,
      },
      {
        class: 0,
        name: "tabby",
        images: 1,
        mean_score: 15 / 15.5,
        carried: 2,
        labelled: 3,
        agreement: 1 / 3,
        instead: "Egyptian cat",
      },
      {
        class: 2,
        name: "espresso",
        images: 0,
        mean_score: null,
        carried: 2,
        labelled: 0,
        agreement: null,
        instead: null,
      },
    ].map(digits),
  );
});

Deno.test("query balanced N takes the N most probable images of each class, or draws as many by a seed, and writes their keys", async () => {
  const images = Array.from({ length: 60 }, (_, index) => ({
    label: null,
    cells: [[index % 3, 16]] as [number, number][],
    probability: 0.5 + index / 256,
  }));
  images.push({ label: null, cells: [[7, 16]], probability: 0.25 });
  const path = folderOfImages(images, { classes: TWELVE });
  const draw = async (...options: string[]) => {
    const out = join(Deno.makeTempDirSync(), "subset.txt");
    const printed = await runQuery(path, "balanced", "4", "--out", out, ...options);
    assertEquals(printed.error, "");
    const text = Deno.readTextFileSync(out);
    assert(text.endsWith(".jpg\n"));
    return { keys: text.trimEnd().split("\n"), out: printed.out.replace(out, "subset.txt") };
  };
  const first = await draw();
  const classes = first.keys.map((key) => images[Number.parseInt(key)].cells[0][0]);
  assertEquals(classes, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 7]);
  assertEquals(new Set(first.keys).size, 13);
  // The last ones of each class are the most probable.
  const numbers = (keys: readonly string[]) => keys.map((key) => Number.parseInt(key)).sort((a, b) => a - b);
  assertEquals(numbers(first.keys), [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
  const [drawn, again, other] = [await draw("--seed", "0"), await draw("--seed", "0"), await draw("--seed", "1")];
  assertEquals([drawn.keys, drawn.keys.length], [again.keys, 13]);
  assert(drawn.keys.join() !== first.keys.join() && drawn.keys.join() !== other.keys.join());
  assert(drawn.out.startsWith("13 images of 4 classes, at most 4 of each, at random by seed 0: keys written"));
  assertEquals(
    first.out,
    [
      "13 images of 4 classes, at most 4 of each, the most probable: keys written to subset.txt",
      "9 classes have fewer than 4, 8 of them none",
      "",
      "class  name  images",
      "-----  ----  ------",
      "    7  wax        1",
    ].join("\n"),
  );
  const confident = await draw("--threshold", "0.7");
  assertEquals(confident.keys.length, 8);
  assert(confident.keys.every((key) => Number.parseInt(key) / 256 >= 0.2));
  const rows = await askRows(path, "balanced", "4");
  assertEquals(rows.map(({ key }) => key), first.keys);
  const dry = await runQuery(path, "balanced 1");
  assert(
    dry.out.startsWith(
      "4 images of 4 classes, at most 1 of each, the most probable; --out FILE writes their keys\n8 classes have none",
    ),
  );
});

Deno.test("query balanced leaves an old file alone where it cannot write", async () => {
  const path = folderOfImages([{ label: null, cells: [[0, 16]] }]);
  const out = join(Deno.makeTempDirSync(), "none", "subset.txt");
  const { code, error } = await runQuery(path, "balanced", "1", "--out", out);
  assertEquals(code, 1);
  assert(error.startsWith(`Cannot write "${out}": `), error);
});

Deno.test("reports and SQL compare no labels where no manifest says what they stand for", async () => {
  const path = folderOfImages(IMAGES, NAMES);
  Deno.removeSync(join(path, "manifest.json"));
  const reason = "there is no manifest that says what they stand for; if label 7 is class 7, ask " +
    '"SET VARIABLE labels_are_classes = true; FROM suspicious()"';
  assertEquals(await runQuery(path, "suspicious"), {
    code: 1,
    out: "",
    error: `Cannot rank labels: ${reason}`,
  });
  const perClass = await runQuery(path, "per-class", "--format", "json");
  assertEquals([perClass.code, perClass.error], [0, `Labels are left out: ${reason}`]);
  for (const line of perClass.out.split("\n")) {
    assertEquals([JSON.parse(line).labelled, JSON.parse(line).agreement], [0, null]);
  }
  for (const sql of ["FROM suspicious()", "FROM per_class()", "FROM label_classes"]) {
    const { code, out, error } = await runQuery(path, sql);
    assertEquals([code, out], [1, ""], sql);
    assert(error.includes("Cannot compare labels with classes before both have names"), error);
  }
  const rows = await askRows(path, "SET VARIABLE labels_are_classes = true; FROM suspicious()");
  assertEquals(rows.length, 4);
  assertEquals((await askRows(path, "multi-label")).length, 4);
});

Deno.test("query takes names of classes for files of several folders only where all say the same", async () => {
  const root = Deno.makeTempDirSync();
  const add = (name: string, ...folder: Parameters<typeof folderOfImages>) =>
    Deno.renameSync(folderOfImages(...folder), join(root, name));
  add("a1", IMAGES, NAMES);
  add("a2", IMAGES, NAMES);
  add("b1", IMAGES, NAMES);
  add("b2", IMAGES, { classes: TWELVE, dataSetClasses: { name: ["DAISY", "Tabby_cat"] } });
  add("c1", IMAGES, NAMES);
  add("c2", IMAGES, { classes: TWELVE });
  add("d1", IMAGES, NAMES);
  add("d2", IMAGES, NAMES);
  Deno.removeSync(join(root, "d2", "manifest.json"));
  const pattern = (letter: string) => join(root, `${letter}?`, "*.parquet");
  assertEquals((await askRows(pattern("a"), "FROM suspicious()")).length, 8);
  for (const letter of ["b", "c"]) {
    const { code, error } = await runQuery(pattern(letter), "SELECT 1");
    assertEquals(code, 1);
    assertEquals(
      error,
      `Cannot read label maps from "${pattern(letter)}": the manifests of "${join(root, `${letter}1`)}" and ` +
        `"${join(root, `${letter}2`)}" name other classes`,
    );
  }
  assertEquals(await askRows(pattern("d"), "SELECT count(*) AS named FROM data_set_classes"), [{ named: 0 }]);
  assertStringIncludes((await runQuery(pattern("d"), "suspicious")).error, "there is no manifest that says");
});
