import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import type { TrainingData } from "../../../pipeline/training/training_data.ts";
import type { GivenSettings } from "../../../pipeline/training/settings.ts";
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
