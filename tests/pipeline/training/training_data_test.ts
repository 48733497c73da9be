import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import type { TrainingData } from "../../../pipeline/training/training_data.ts";
import type { GivenSettings } from "../../../pipeline/training/settings.ts";
import { jsonFile } from "../../formats/evaluation/json_input.ts";
import { imageColumns, writeParquet } from "../../formats/images/parquet_writer.ts";
import { imageFolder, mapFolder, openData, pngOf, smallOptions } from "./data.ts";

const IMAGES = imageFolder(9);
const KEYS = ["cat/0", "cat/3", "cat/6", "dog/1", "dog/4", "dog/7", "eel/2", "eel/5", "eel/8"].map((key) =>
  `${key}.png`
);

async function withData<Result>(given: GivenSettings, use: (data: TrainingData) => Result): Promise<Awaited<Result>> {
  const data = await openData(smallOptions({ images: IMAGES, ...given }));
  try {
    return await use(data);
  } finally {
    data.close();
  }
}

const usedKeys = ({ images, used }: TrainingData) => Array.from(used, (index) => images.keys[index]);

function listOf(keys: readonly string[]): string {
  const path = join(Deno.makeTempDirSync(), "keys.txt");
  Deno.writeTextFileSync(path, `${keys.join("\n")}\n`);
  return path;
}

Deno.test("openTrainingData() takes all images and their labels", async () => {
  await withData({}, (data) => {
    assertEquals(usedKeys(data), KEYS);
    assertEquals([...data.labels], [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    assertEquals([data.classes, data.classNames, data.remarks], [3, ["cat", "dog", "eel"], []]);
  });
});

Deno.test("openTrainingData() refuses one class for cross-entropy, which would teach nothing", async () => {
  const images = Deno.makeTempDirSync();
  Deno.mkdirSync(join(images, "cat"));
  Deno.writeFileSync(join(images, "cat", "0.png"), pngOf(0));
  await assertRejects(
    () => withData({ images }, () => {}),
    RangeError,
    `Cannot train on "${images}": cross-entropy tells classes apart, and there is 1: --loss bce can be of one`,
  );
  await withData({ images, loss: "bce" }, ({ classes }) => assertEquals(classes, 1));
});

Deno.test("openTrainingData() refuses labels that are no numbers of classes, before it asks for a network of as many", async () => {
  const images = join(Deno.makeTempDirSync(), "a.parquet");
  const label = { name: "label", type: "int64", values: [0n, 2000000000n, 3n] } as const;
  Deno.writeFileSync(images, writeParquet([...imageColumns([null, null, null]), label]));
  await assertRejects(
    () => withData({ images }, () => {}),
    RangeError,
    `Cannot train on "${images}": label 2000000000 of "a.parquet/1" would make 2,000,000,001 classes, at most 1,000,000 are`,
  );
});

Deno.test("openTrainingData() joins images with maps by their keys, and counts what has no other", async () => {
  const maps = mapFolder([...KEYS.slice(2).reverse(), "cat/99.png", "cat/98.png"]);
  await withData({ maps }, async (data) => {
    assertEquals(usedKeys(data), KEYS.slice(2));
    for (const index of data.used) {
      assertEquals((await data.maps!.maps.get(data.maps!.rows[index])).key, data.images.keys[index]);
    }
    assertEquals(data.remarks, [
      `7 of 9 images have a label map in "${maps}"`,
      "2 of 9 label maps have no image",
    ]);
  });
  const foreign = mapFolder(["cat/77.png"]);
  await assertRejects(
    () => withData({ maps: foreign }, () => {}),
    RangeError,
    `Cannot train on "${IMAGES}": none of 9 images have a label map in "${foreign}"`,
  );
});

Deno.test("openTrainingData() keeps, for cleaned labels, images whose label their map confirms", async () => {
  const maps = mapFolder(KEYS, { wrong: ["cat/3.png", "eel/8.png"] });
  await withData({ maps, labels: "cleaned" }, (data) => {
    assertEquals(usedKeys(data), KEYS.filter((key) => key !== "cat/3.png" && key !== "eel/8.png"));
    assertEquals(data.remarks, ["7 of 9 images have the label that their map confirms"]);
    assertEquals([data.maps, data.classes], [undefined, 3]);
  });
  const cleaned = listOf(KEYS.slice(1, 4));
  await withData({ cleaned, labels: "cleaned" }, (data) => assertEquals(usedKeys(data), KEYS.slice(1, 4)));
});

Deno.test("openTrainingData() finds the classes of labels among those of maps, which have others and more", async () => {
  const classes = ["ant", "eel", "dog", "bee", "cat"];
  const maps = mapFolder(KEYS, { classes, wrong: ["dog/1.png"] });
  await withData({ maps, labels: "mix" }, (data) => {
    assertEquals([...data.labels], [4, 4, 4, 2, 2, 2, 1, 1, 1]);
    assertEquals([data.classes, data.classNames], [5, classes]);
  });
  await withData({ maps, labels: "cleaned" }, (data) => {
    assertEquals(usedKeys(data), KEYS.filter((key) => key !== "dog/1.png"));
    assertEquals([[...data.labels], data.classes], [[0, 0, 0, 1, 1, 1, 2, 2, 2], 3]);
  });
  const others = mapFolder(KEYS, { classes: ["ant", "cat", "dog"] });
  await assertRejects(
    () => withData({ maps: others, labels: "mix" }, () => {}),
    TypeError,
    `Cannot train on "${IMAGES}" with maps "${others}": class "eel" is none of the 3 classes of the model`,
  );
  await withData({ maps: others }, ({ classes }) => assertEquals(classes, 3));
});

Deno.test("openTrainingData() takes a list of keys, and refuses one with keys of no image", async () => {
  const subset = listOf(["dog/7.png", "cat/0.png"]);
  await withData({ subset }, (data) => {
    assertEquals(usedKeys(data), ["cat/0.png", "dog/7.png"]);
    assertEquals(data.remarks, [`2 of 9 images are in "${subset}"`]);
  });
  const wrong = listOf(["dog/7.png", "dog/7.jpg", "fox/1.png"]);
  await assertRejects(
    () => withData({ subset: wrong }, () => {}),
    RangeError,
    `Cannot read keys from "${wrong}": 2 of 3 name no image, the first "dog/7.jpg"`,
  );
  await assertRejects(
    () => withData({ subset: "/no/such" }, () => {}),
    Deno.errors.NotFound,
    'Cannot read keys from "/no/such"',
  );
});

Deno.test("openTrainingData() leaves out images without a label where labels are needed", async () => {
  const images = imageFolder(6);
  Deno.writeFileSync(join(images, "1000.png"), pngOf(3));
  await withData({ images }, ({ remarks, used }) => {
    assertEquals([remarks, used.length], [["6 of 7 images have a label"], 6]);
  });
  const flat = Deno.makeTempDirSync();
  Deno.writeFileSync(join(flat, "0.png"), pngOf(3));
  await assertRejects(
    () => withData({ images: flat }, () => {}),
    RangeError,
    `Cannot train on "${flat}": none of 1 image have a label`,
  );
});

Deno.test("openTrainingData() joins images with masks by their names, whatever the extension", async () => {
  const masks = Deno.makeTempDirSync();
  Deno.mkdirSync(join(masks, "dog"));
  const mask = encodePng(new Uint8Array(4).fill(2), { width: 2, height: 2, channels: 1 });
  for (const name of ["4.bmp", "1.png"]) Deno.writeFileSync(join(masks, "dog", name), mask);
  await withData({ masks }, (data) => {
    assertEquals(usedKeys(data), ["dog/1.png", "dog/4.png"]);
    assertEquals(Array.from(data.used, (index) => data.masks!.images.keys[data.masks!.places[index]]), [
      "dog/1.png",
      "dog/4.bmp",
    ]);
    assertEquals(data.remarks, [`2 of 9 images have a mask in "${masks}"`]);
  });
});

Deno.test("openTrainingData() has a fingerprint of what is used, and of no more", async () => {
  const of = (given: GivenSettings) => withData(given, ({ fingerprint }) => fingerprint);
  const whole = await of({});
  assertEquals(await of({ images: imageFolder(9) }), whole);
  assertEquals(await of({ subset: listOf(KEYS) }), whole);
  assertNotEquals(await of({ subset: listOf(KEYS.slice(1)) }), whole);
  assertNotEquals(await of({ images: imageFolder(10) }), whole);
});

const MULTI_HOT = { labels: "multi-hot" } as const;

Deno.test("openTrainingData() takes COCO's annotations, keeps images that show nothing, and counts what is not there", async () => {
  const names = ["0.png", "3.png", "6.png", "1.png", "99.png"];
  const multiLabel = jsonFile({
    images: names.map((file_name, id) => ({ id, file_name })),
    annotations: [{ image_id: 0, category_id: 17 }, { image_id: 0, category_id: 3 }, { image_id: 3, category_id: 3 }],
    categories: [{ id: 17, name: "cat" }, { id: 3, name: "car" }],
  });
  await withData({ ...MULTI_HOT, multiLabel }, ({ classes, classNames, used, multiLabels, remarks, ...data }) => {
    assertEquals([classes, classNames], [2, ["car", "cat"]]);
    assertEquals(Array.from(used, (index) => [data.images.keys[index], multiLabels![index]!.present]), [
      ["cat/0.png", [0, 1]],
      ["cat/3.png", []],
      ["cat/6.png", []],
      ["dog/1.png", [0]],
    ]);
    assertEquals(remarks, [
      `4 of 9 images are in "${multiLabel}"`,
      "2 images show none of 2 classes, and teach that",
      "1 of 5 annotated images are not there",
    ]);
    assertEquals([...data.list()].map(({ key, label }) => [key, label]).slice(3), [
      ["dog/1.png", null],
      [basename(multiLabel), null],
    ]);
  });
});

Deno.test("openTrainingData() takes lists by place or key, with the classes of folders, a file or the lists themselves", async () => {
  const inOrder = jsonFile(KEYS.map((_, index) => [index % 3]));
  const byKey = jsonFile(Object.fromEntries(KEYS.map((key, index) => [key, { classes: [index % 3], unknown: [3] }])));
  const names = listOf(["ant", "bee", "cow", "dog"]);
  await withData({ ...MULTI_HOT, multiLabel: inOrder }, ({ classNames, multiLabels, remarks }) => {
    assertEquals(classNames, ["cat", "dog", "eel"]);
    assertEquals([multiLabels!.map((of) => of!.present), remarks], [KEYS.map((_, index) => [index % 3]), []]);
  });
  await withData({ ...MULTI_HOT, multiLabel: byKey, classes: names }, ({ classes, classNames, remarks }) => {
    assertEquals([classes, classNames], [4, ["ant", "bee", "cow", "dog"]]);
    assertEquals(remarks, ["9 images may show classes, which are not counted there"]);
  });
  const images = Deno.makeTempDirSync();
  for (const name of ["0.png", "1.png"]) Deno.writeFileSync(join(images, name), pngOf(1));
  const multiLabel = jsonFile([[6], []]);
  await withData({ ...MULTI_HOT, images, multiLabel }, ({ classes, classNames }) => {
    assertEquals([classes, classNames], [7, undefined]);
  });
});

Deno.test("openTrainingData() takes several labels with the classes of maps where both are mixed", async () => {
  const maps = mapFolder(KEYS.slice(1), { classes: ["eel", "cat", "dog"] });
  const multiLabel = jsonFile({
    images: KEYS.map((key, id) => ({ id, file_name: basename(key) })),
    annotations: [{ image_id: 1, category_id: 2 }],
    categories: [{ id: 1, name: "cat" }, { id: 2, name: "eel" }],
  });
  await withData({ maps, labels: "mix", multiLabel }, ({ classes, used, multiLabels }) => {
    assertEquals([classes, used.length, multiLabels![1]!.present], [3, 8, [0]]);
  });
});

Deno.test("openTrainingData() refuses files of other images or classes", async () => {
  const twice = imageFolder(3);
  Deno.writeFileSync(join(twice, "dog", "0.png"), pngOf(5));
  const cases: [unknown, Error["message"], string?][] = [
    [{ "x.png": [1] }, `: none of 9 images are in "`],
    [[[0]], `": it has 1 list, the data set 9 images`],
    [KEYS.map(() => [3]), `": entry 0 has 3, expected classes from 0 to 2`],
    ["[[0", `": it is not JSON`],
    [{ "0.png": [1] }, `": "cat/0.png" and "dog/0.png" are both found as "0.png"`, twice],
  ];
  for (const [value, message, images = IMAGES] of cases) {
    const multiLabel = jsonFile(value);
    const error = await assertRejects(() => withData({ ...MULTI_HOT, images, multiLabel }, () => {}), Error, message);
    assertStringIncludes(error.message, `"${multiLabel}"`);
  }
});

Deno.test("openTrainingData() has a fingerprint of the classes that images show", async () => {
  const of = (lists: number[][]) =>
    withData({ ...MULTI_HOT, multiLabel: jsonFile(lists) }, ({ fingerprint }) => fingerprint);
  const lists = KEYS.map((_, index) => [index % 3]);
  assertEquals(await of(lists), await of(lists));
  assertNotEquals(await of(lists), await of(lists.with(4, [])));
});

Deno.test("openTrainingData() takes no probabilities of independent classes for cross-entropy", async () => {
  const maps = mapFolder(KEYS, { scores: "sigmoid" });
  await assertRejects(
    () => withData({ maps }, () => {}),
    TypeError,
    `with maps "${maps}" by cross-entropy: their scores are sigmoid, of classes that do not exclude each other`,
  );
  await withData({ maps, loss: "bce" }, ({ classes }) => assertEquals(classes, 3));
});
