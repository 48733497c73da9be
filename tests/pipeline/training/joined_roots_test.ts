import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { formatConfiguration, readConfiguration } from "../../../pipeline/training/configuration.ts";
import { loadBatches } from "../../../pipeline/training/loader.ts";
import { TRAIN } from "../../../pipeline/training/options.ts";
import { trainingOrder } from "../../../pipeline/training/order.ts";
import { resolveSettings } from "../../../pipeline/training/settings.ts";
import { imageFolder, mapFolder, openData, pngOf, smallOptions } from "./data.ts";

function read(...args: string[]) {
  const command = TRAIN.read(args);
  if (typeof command === "string") throw new TypeError("no training was asked for");
  return command.options;
}

const CLASSES = ["cat", "dog", "eel"];

/** A folder of class folders with images of given numbers. */
function folderOf(images: Readonly<Record<string, readonly number[]>>): string {
  const folder = Deno.makeTempDirSync();
  for (const [name, numbers] of Object.entries(images)) {
    Deno.mkdirSync(join(folder, name));
    for (const number of numbers) Deno.writeFileSync(join(folder, name, `${number}.png`), pngOf(number));
  }
  return folder;
}

Deno.test("several roots are given by their place, and each with its label maps, on the command line and in YAML", () => {
  const options = read("a", "b", "c", "--maps", "x", "--maps", "y", "--maps=z");
  assertEquals([options.images, options.otherImages, options.maps, options.otherMaps], ["a", ["b", "c"], "x", [
    "y",
    "z",
  ]]);
  const path = join(Deno.makeTempDirSync(), "config.yaml");
  Deno.writeTextFileSync(path, formatConfiguration(options));
  assertEquals(resolveSettings(readConfiguration(path)), options);
  assertEquals(read("--config", path), options);
  const one = read("a", "--maps", "x");
  assertEquals([one.otherImages, one.otherMaps, one.maps], [undefined, undefined, "x"]);
  const message =
    "Cannot train on 2 roots of images with 1 folder of label maps: give --maps for each of IMAGES, in the same order";
  assertThrows(() => read("a", "b", "--maps", "x"), UsageError, message);
  assertThrows(
    () => read("a", "--maps", "x", "--maps", "y"),
    UsageError,
    "on 1 root of images with 2 folders of label maps",
  );
  assertThrows(() => read("a", "b", "--masks", "m"), UsageError, "with --masks, which is of one");
});

Deno.test("keys of several roots begin with the place of theirs, and classes of one name are one", async () => {
  const [first, second] = [folderOf({ dog: [1, 2], cat: [3] }), folderOf({ eel: [1], dog: [2, 4] })];
  using _closing = { [Symbol.dispose]: () => data.close() };
  const data = await openData(smallOptions({ images: first, otherImages: [second] }));
  const { images, labels, classes, classNames } = data;
  assertEquals(images.keys, ["0/cat/3.png", "0/dog/1.png", "0/dog/2.png", "1/dog/2.png", "1/dog/4.png", "1/eel/1.png"]);
  assertEquals([classes, classNames], [3, ["cat", "dog", "eel"]]);
  assertEquals([...labels], [0, 1, 1, 1, 1, 2]);
  assertEquals([images.survey.images, images.survey.labelled], [6, 6]);
  assertEquals(images.description, "2 class folders and 2 class folders");
  // Of either root, as that root alone has it.
  const alone = await openData(smallOptions({ images: second }));
  assertEquals((await images.decode(4)).pixels, (await alone.images.decode(1)).pixels);
  alone.close();
});

Deno.test("a subset names images of several roots, and each is trained on its own root's map", async () => {
  const folders = [imageFolder(6), imageFolder(9)];
  const keysOf = (images: number) => Array.from({ length: images }, (_, index) => `${CLASSES[index % 3]}/${index}.png`);
  // Those of one key differ: rows are in another order.
  const maps = [mapFolder(keysOf(6)), mapFolder(keysOf(9).reverse())];
  const subset = join(Deno.makeTempDirSync(), "subset.txt");
  const keys = ["0/cat/0.png", "0/dog/1.png", "1/cat/0.png", "1/eel/8.png"];
  Deno.writeTextFileSync(subset, keys.map((key) => `${key}\n`).join(""));
  const options = smallOptions({
    ...{ images: folders[0], otherImages: [folders[1]], maps: maps[0], otherMaps: [maps[1]] },
    ...{ subset, labels: "relabel" },
  });
  const data = await openData(options);
  const order = trainingOrder({ images: data.used.length, batch: 4, accumulate: 1, seed: 0 });
  const batches = await Array.fromAsync(
    loadBatches({ data, order, batch: 4, epochs: 1, start: { epoch: 0, step: 0 }, ahead: 1 }),
  );
  assertEquals(batches.length, 1);
  assertEquals([...batches[0].keys].sort(), keys);
  const { k, grid: [height, width] } = data.maps!.maps.metadata;
  const length = k * height * width;
  for (const [place, key] of batches[0].keys.entries()) {
    const own = await openLabelMaps(maps[Number(key[0])]);
    const row = await own.get((await own.indexOf(key.slice(2)))!);
    assertEquals([...batches[0].maps!.score.subarray(place * length, (place + 1) * length)], [...row.score], key);
    assertEquals([...batches[0].maps!.class.subarray(place * length, (place + 1) * length)], [...row.class], key);
    own.close();
  }
  assertEquals([...data.list()].filter(({ key }) => key.endsWith(".parquet")).length, 2 + 3);
  data.close();
  const other = mapFolder(keysOf(9), { classes: ["ant", ...CLASSES] });
  await assertRejects(
    () => openData({ ...options, otherMaps: [other] }),
    TypeError,
    `Cannot train on "${folders[0]}": "${other}" has classes 4, and "${maps[0]}" 3`,
  );
  const named = mapFolder(keysOf(9), { classes: ["ant", "dog", "eel"] });
  const message = `the classes of "${named}" are not those of "${maps[0]}"`;
  await assertRejects(() => openData({ ...options, otherMaps: [named] }), TypeError, message);
});
