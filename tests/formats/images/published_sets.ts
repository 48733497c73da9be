/**
 * Small data sets in the layouts in which they are published.
 *
 * @module
 */

import { dirname, join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";

const MAT = "tests/fixtures/images/mat";

/** Classes of {@linkcode publishedSets}, by data set. */
export const CLASSES = {
  food: ["apple_pie", "waffles", "beef_tartare"],
  cars: ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "smart fortwo Convertible 2012"],
  dtd: ["banded", "dotted", "zigzagged"],
  aircraft: ["707-320", "C-130", "F/A-18"],
  pets: ["Abyssinian", "american_bulldog", "Bengal"],
} as const;

/** A picture of a class, which can be told from those of others; decoders go by its bytes, not by its name. */
function picture(label: number, number: number): Uint8Array {
  const pixels = new Uint8Array(16 * 16 * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = at % 3 === label ? 200 + number % 50 : (at * 7 + number) % 90;
  return encodePng(pixels, { width: 16, height: 16, channels: 3 });
}

/** Writes files under a new folder. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = Deno.makeTempDirSync();
  for (const [name, content] of Object.entries(files)) {
    Deno.mkdirSync(join(root, dirname(name)), { recursive: true });
    Deno.writeFileSync(join(root, name), typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  return root;
}

function mat(...names: readonly string[]): Record<string, Uint8Array> {
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(`${MAT}/${name}`)]));
}

function pictures(keys: readonly (readonly [key: string, label: number])[]): Record<string, Uint8Array> {
  return Object.fromEntries(keys.map(([key, label], number) => [key, picture(label, number)]));
}

/** Files of Food-101, whose classes are in an order that is none of the alphabet. */
export function foodFiles(each = 2): Record<string, string | Uint8Array> {
  const listed = (from: number) =>
    CLASSES.food.flatMap((name, label) =>
      Array.from({ length: each }, (_, place) => [`${name}/${100 * label + from + place}`, label] as const)
    );
  const [train, test] = [listed(0), listed(50)];
  const lines = (list: typeof train) => list.map(([name]) => `${name}\n`).join("");
  return {
    ...pictures([...train, ...test].map(([name, label]) => [`images/${name}.jpg`, label])),
    "meta/classes.txt": `${CLASSES.food.join("\n")}\n`,
    "meta/labels.txt": "Apple pie\nWaffles\nBeef tartare\n",
    "meta/train.txt": lines(train),
    "meta/test.txt": lines(test),
  };
}

/** Files of DTD with two partitions; the second one has train and test the other way round. */
export function dtdFiles(each = 1): Record<string, string | Uint8Array> {
  const lists = ["train", "val", "test"].map((_, list) =>
    CLASSES.dtd.flatMap((name, label) =>
      Array.from({ length: each }, (_, place) => [`${name}/${name}_${1000 * list + place}.jpg`, label] as const)
    )
  );
  const [train, val, test] = lists.map((list) => list.map(([name]) => `${name}\n`).join(""));
  return {
    ...pictures(lists.flat().map(([name, label]) => [`images/${name}`, label])),
    ...{ "labels/train1.txt": train, "labels/val1.txt": val, "labels/test1.txt": test },
    ...{ "labels/train2.txt": test, "labels/val2.txt": val, "labels/test2.txt": train },
    "labels/labels_joint_anno.txt": "banded/banded_0.jpg banded",
  };
}

/** Files of FGVC Aircraft, under a folder. */
export function aircraftFiles(folder = "data/"): Record<string, string | Uint8Array> {
  const ids = { train: [10, 11, 12], val: [20, 21, 22], test: [30, 31, 32] };
  const list = (ids: readonly number[]) => ids.map((id) => `${id} ${CLASSES.aircraft[id % 10]}\r\n`).join("");
  return {
    ...pictures(Object.values(ids).flat().map((id) => [`${folder}images/${id}.jpg`, id % 10])),
    [`${folder}variants.txt`]: CLASSES.aircraft.join("\r\n"),
    [`${folder}images_variant_train.txt`]: list(ids.train),
    [`${folder}images_variant_val.txt`]: list(ids.val),
    [`${folder}images_variant_trainval.txt`]: list([...ids.train, ...ids.val]),
    [`${folder}images_variant_test.txt`]: list(ids.test),
  };
}

/** Files of Oxford Pets. */
export function petFiles(): Record<string, string | Uint8Array> {
  const listed = (from: number) =>
    CLASSES.pets.flatMap((name, label) => [from, from + 1].map((number) => [`${name}_${number}`, label] as const));
  const lines = (list: ReturnType<typeof listed>) => list.map(([name, label]) => `${name} ${label + 1} 1 1\n`).join("");
  const [trainval, test] = [listed(1), listed(101)];
  return {
    ...pictures([...trainval, ...test].map(([name, label]) => [`images/${name}.jpg`, label])),
    "annotations/trainval.txt": lines(trainval),
    "annotations/test.txt": lines(test),
    "annotations/list.txt": "#Image CLASS-ID SPECIES BREED ID\n",
    "annotations/xmls/Abyssinian_1.xml": "<annotation/>",
  };
}

/** Files of Stanford Cars with its annotations in a folder `devkit`, or without, or all in one file. */
export function carFiles(form: "devkit" | "flat" | "all"): Record<string, string | Uint8Array> {
  if (form === "all") {
    const labels = [2, 0, 1, 0, 1];
    return {
      ...mat("cars_annos.mat"),
      ...pictures(labels.map((label, index) => [`car_ims/00000${index + 1}.jpg`, label])),
    };
  }
  const images = pictures([
    ...[2, 0, 2].map((label, index) => [`cars_train/0000${index + 1}.jpg`, label] as const),
    ...[1, 0].map((label, index) => [`cars_test/0000${index + 1}.jpg`, label] as const),
  ]);
  const annotations = mat("cars_meta.mat", "cars_train_annos.mat", "cars_test_annos.mat");
  const folder = form === "devkit" ? "devkit/" : "";
  const named = Object.fromEntries(Object.entries(annotations).map(([name, bytes]) => [`${folder}${name}`, bytes]));
  return { ...images, ...named, ...mat("cars_test_annos_withlabels.mat") };
}
