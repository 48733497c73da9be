import { assertEquals, assertRejects } from "@std/assert";
import { openImages } from "../../../formats/images/mod.ts";
import { openImageReader } from "../../../pipeline/pictures/image_reader.ts";
import { aircraftFiles, carFiles, CLASSES, dtdFiles, folderOf, foodFiles, petFiles } from "./published_sets.ts";

/** Keys and labels of a split, in order, and its classes. */
async function splitOf(path: string) {
  const source = await openImages(path);
  const images = (await Array.fromAsync(source.list())).map(({ key, label }) => [key, label]);
  return { images, classes: source.classes, description: source.description };
}

Deno.test("openImages() reads the splits of Food-101, in the order of its own list of classes", async () => {
  const root = folderOf(foodFiles());
  assertEquals(await splitOf(`${root}:train`), {
    images: [
      ...[["images/apple_pie/0.jpg", 0], ["images/apple_pie/1.jpg", 0], ["images/waffles/100.jpg", 1]],
      ...[["images/waffles/101.jpg", 1], ["images/beef_tartare/200.jpg", 2], ["images/beef_tartare/201.jpg", 2]],
    ],
    classes: [...CLASSES.food],
    description: "split train of Food-101",
  });
  assertEquals((await splitOf(`${root}/:test`)).images[2], ["images/waffles/150.jpg", 1]);
});

for (const form of ["devkit", "flat"] as const) {
  Deno.test(`openImages() reads the splits of Stanford Cars from its MATLAB files, ${form}`, async () => {
    const root = folderOf(carFiles(form));
    const { images, classes } = await splitOf(`${root}:train`);
    assertEquals(images, [["cars_train/00001.jpg", 2], ["cars_train/00002.jpg", 0], ["cars_train/00003.jpg", 2]]);
    assertEquals(classes, [...CLASSES.cars]);
    assertEquals((await splitOf(`${root}:test`)).images, [["cars_test/00001.jpg", 1], ["cars_test/00002.jpg", 0]]);
  });
}

Deno.test("openImages() reads the splits of Stanford Cars from one MATLAB file", async () => {
  const root = folderOf(carFiles("all"));
  const train = [[1, 2], [2, 0], [4, 0], [5, 1]].map(([number, label]) => [`car_ims/00000${number}.jpg`, label]);
  assertEquals((await splitOf(`${root}:train`)).images, train);
  assertEquals((await splitOf(`${root}:test`)).images, [["car_ims/000003.jpg", 1]]);
});

Deno.test("openImages() asks for the labels of Stanford Cars' test images where only annotations without them are there", async () => {
  const { "cars_test_annos_withlabels.mat": _, ...files } = carFiles("devkit");
  const root = folderOf(files);
  const message = `Cannot read "${root}/devkit/cars_test_annos_withlabels.mat": no such file or directory`;
  await assertRejects(() => openImages(`${root}:test`), Deno.errors.NotFound, message);
  files["cars_test_annos_withlabels.mat"] = files["devkit/cars_test_annos.mat"];
  const without = folderOf(files);
  await assertRejects(
    () => openImages(`${without}:test`),
    TypeError,
    `Cannot read "${without}/cars_test_annos_withlabels.mat": the class of annotation 1 is missing, expected a number`,
  );
});

Deno.test("openImages() reads the splits of DTD's partitions, whose classes are those of all its lists", async () => {
  const root = folderOf(dtdFiles());
  const keys = async (split: string) => (await splitOf(`${root}:${split}`)).images;
  const of = (list: number) => CLASSES.dtd.map((name, label) => [`images/${name}/${name}_${1000 * list}.jpg`, label]);
  assertEquals(await keys("train"), of(0));
  assertEquals(await keys("val1"), of(1));
  assertEquals(await keys("trainval"), [...of(0), ...of(1)]);
  assertEquals(await keys("test"), of(2));
  assertEquals(await keys("train2"), of(2));
  assertEquals((await splitOf(`${root}:val`)).classes, [...CLASSES.dtd]);
  const message = `Cannot read "${root}/labels/train3.txt": no such file or directory`;
  await assertRejects(() => openImages(`${root}:train3`), Deno.errors.NotFound, message);
});

Deno.test("openImages() reads the splits of FGVC Aircraft by its variants, from its folder and the one in it", async () => {
  const images = (folder: string, ...ids: readonly number[]) => ids.map((id) => [`${folder}images/${id}.jpg`, id % 10]);
  for (const folder of ["data/", ""]) {
    const root = folderOf(aircraftFiles(folder));
    const { images: trainval, classes } = await splitOf(`${root}:trainval`);
    assertEquals(trainval, images(folder, 10, 11, 12, 20, 21, 22));
    assertEquals(classes, [...CLASSES.aircraft]);
    assertEquals((await splitOf(`${root}:val`)).images, images(folder, 20, 21, 22));
  }
});

Deno.test("openImages() reads the splits of Oxford Pets, whose classes count from 1", async () => {
  const root = folderOf(petFiles());
  const { images, classes } = await splitOf(`${root}:trainval`);
  assertEquals([images[0], images[5]], [["images/Abyssinian_1.jpg", 0], ["images/Bengal_2.jpg", 2]]);
  assertEquals(classes, [...CLASSES.pets]);
  assertEquals((await splitOf(`${root}:test`)).images[2], ["images/american_bulldog_101.jpg", 1]);
});

Deno.test("a split is read in ranges, and its images by their keys", async () => {
  const root = folderOf(petFiles());
  const source = await openImages(`${root}:trainval`);
  const range = await Array.fromAsync(source.read({ start: 2, end: 4 }));
  assertEquals(range.map(({ index, key }) => [index, key]), [
    [2, "images/american_bulldog_1.jpg"],
    [3, "images/american_bulldog_2.jpg"],
  ]);
  assertEquals([await source.count(), (await source.survey()).labelled], [6, 6]);
  const reader = await openImageReader(`${root}:trainval`);
  assertEquals(await reader.read(range[0].key), Deno.readFileSync(`${root}/images/american_bulldog_1.jpg`));
});

Deno.test("openImages() refuses a data set without a split, a split that it has not, and a folder of no known layout", async () => {
  const root = folderOf(petFiles());
  const plain = folderOf({ "cat/1.jpg": "" });
  const cases: [string, string][] = [
    [
      root,
      `Cannot open images "${root}": it is laid out as Oxford Pets, of which a split is read: "${root}:trainval", "${root}:test"`,
    ],
    [`${root}:train`, `Cannot open images "${root}:train": Oxford Pets has no split "train", it has trainval, test`],
    [
      `${plain}:train`,
      `Cannot open images "${plain}:train": "${plain}" is not laid out as a data set whose splits are known: ` +
      "Food-101, Stanford Cars, DTD, FGVC Aircraft, Oxford Pets",
    ],
  ];
  for (const [path, message] of cases) await assertRejects(() => openImages(path), TypeError, message);
  await assertRejects(() => openImages("/no/such:train"), Deno.errors.NotFound, "no such file or folder");
});

Deno.test("openImages() refuses lists that it cannot understand, and names the line", async () => {
  const cases: [Record<string, string | Uint8Array>, string, string][] = [
    [
      { ...foodFiles(), "meta/train.txt": "apple_pie/1\n\npies/2\n" },
      "train",
      'line 3 has class "pies", which is none of 3',
    ],
    [{ ...foodFiles(), "meta/train.txt": "apple_pie 1\n" }, "train", 'line 1 is "apple_pie 1", expected class/number'],
    [{ ...foodFiles(), "meta/train.txt": "\n" }, "train", "it has no line"],
    [{ ...foodFiles(), "meta/train.txt": "waffles/1\nwaffles/1\n" }, "train", 'it lists "images/waffles/1.jpg" twice'],
    [{ ...foodFiles(), "meta/classes.txt": "a\nb\na\n" }, "test", 'it has class "a" twice'],
    [
      { ...foodFiles(), "meta/classes.txt": "..\n", "meta/train.txt": "../1\n" },
      "train",
      'it lists "images/../1.jpg", which is no path under the folder',
    ],
    [
      { ...petFiles(), "annotations/test.txt": "Bengal_9 2 1 1\n" },
      "test",
      'line 1 has "Bengal" as class 2, which was',
    ],
    [{ ...petFiles(), "annotations/test.txt": "Bengal_9 0 1 1\n" }, "test", "line 1 has class 0, expected 1 to 1000"],
    [{ ...petFiles(), "annotations/test.txt": "Siamese_9 5 1 1\n" }, "test", "no image is of class 4 of 5"],
    [
      { ...aircraftFiles(), "data/images_variant_val.txt": "20\n" },
      "val",
      'line 1 is "20", expected a number and a variant',
    ],
    [{ ...carFiles("flat"), "cars_meta.mat": "MATLAB" }, "train", "it is no MATLAB 5 file, whose header ends with IM"],
  ];
  for (const [files, split, message] of cases) {
    await assertRejects(() => openImages(`${folderOf(files)}:${split}`), TypeError, message);
  }
});
