/**
 * Images and label maps to look at: photographs, one that cannot be decoded, one whose name and class would be HTML, and
 * enough others for several pages.
 *
 * @module
 */

import { join } from "@std/path";
import {
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  openLabelMapFolder,
  quantise,
} from "../../formats/labels/mod.ts";
import { generator, smallConfiguration, smallMetadata } from "../formats/labels/fixture.ts";
import { ROOT } from "../pipeline/task.ts";

/** A name that does something if it is taken for HTML, and turns the direction of what follows, and how it is shown. */
export const HTML = "<img src=x onerror=document.title='run'>\u202egpj";
export const SHOWN_HTML = "<img src=x onerror=document.title='run'>\\u202egpj";

/** The annotator's classes. */
export const CLASSES = [
  "cat, house cat",
  "cup",
  "flower",
  "rocket",
  "pagoda",
  "astronaut",
  HTML,
  "spoon",
  "saucer",
  "leaf",
  "sky",
  "table",
];

/** The data set's own: folders, one of which the annotator does not know. */
const LABELS = ["cat", "cup", "flower", HTML, "unheard-of"];

/** The image whose heat maps, crops and cells are looked at. */
export const PHOTOGRAPH = "cat/chelsea.jpg";

/** One that is cut off. */
export const BROKEN = "cup/broken.jpg";

/** An image of the folder: where it comes from, its size, and two of its classes. */
interface Sample {
  readonly key: string;
  readonly file: string;
  readonly size: readonly [width: number, height: number];
  readonly label: number | null;
  readonly classes: readonly [number, number];
}

const photograph = (name: string) => join(ROOT, "assets/photos", name);
const decoded = (name: string) => join(ROOT, "tests/fixtures/images/decode", name);

const SAMPLES: readonly Sample[] = [
  { key: PHOTOGRAPH, file: photograph("single/chelsea.jpg"), size: [451, 300], label: 0, classes: [0, 9] },
  { key: "cat/china.jpg", file: photograph("single/china.jpg"), size: [640, 427], label: 0, classes: [4, 10] },
  { key: BROKEN, file: decoded("bad_truncated.jpg"), size: [320, 240], label: 1, classes: [1, 7] },
  {
    key: "cup/cat-coffee.jpg",
    file: photograph("several/cat-coffee.jpg"),
    size: [600, 300],
    label: 1,
    classes: [0, 1],
  },
  { key: "cup/coffee.jpg", file: photograph("single/coffee.jpg"), size: [600, 400], label: 1, classes: [1, 8] },
  { key: "flower/flower.jpg", file: photograph("single/flower.jpg"), size: [640, 427], label: 2, classes: [2, 9] },
  { key: `${HTML}/${HTML}.jpg`, file: photograph("single/rocket.jpg"), size: [640, 427], label: 3, classes: [6, 3] },
  {
    key: "unheard-of/astronaut.jpg",
    file: photograph("single/astronaut.jpg"),
    size: [512, 512],
    label: 4,
    classes: [5, 3],
  },
  ...Array.from({ length: 100 }, (_, index): Sample => ({
    key: `zoo/${String(index).padStart(3, "0")}.jpg`,
    file: photograph("single/coffee.jpg"),
    size: [600, 400],
    label: null,
    classes: [index % CLASSES.length, (index * 5 + 3) % CLASSES.length],
  })),
];

/** Images there are. */
export const IMAGES = SAMPLES.length;

/**
 * Makes the folder of images.
 *
 * @returns Its path.
 */
export async function makeImages(): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "images-" });
  for (const { key, file } of SAMPLES) {
    // The key's last part may hold slashes only as folders.
    await Deno.mkdir(join(path, key, ".."), { recursive: true });
    await Deno.copyFile(file, join(path, key));
  }
  return path;
}

/**
 * Writes label maps of the images: each class is a hill of logits somewhere, on noise.
 *
 * @param dtype How scores are stored.
 * @returns The folder.
 */
export async function makeLabelMaps(dtype: LabelMapType): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: `labels-${dtype}-` });
  const metadata = smallMetadata({ classes: CLASSES.length, k: 4, grid: [7, 9], dtype });
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata, rowsPerFile: 1000 }), {
    classes: { name: CLASSES },
    dataSetClasses: { name: LABELS },
  });
  const part = folder.startPart(0);
  SAMPLES.forEach((sample, index) => part.append(rowOf(sample, index, metadata)));
  part.finish();
  folder.close();
  return path;
}

function rowOf({ key, size, label, classes }: Sample, index: number, metadata: LabelMapMetadata): LabelMapRow {
  const { k, grid: [height, width], dtype } = metadata;
  const cells = height * width;
  const random = generator(index);
  const hills = classes.map((value) => ({ value, y: random() * height, x: random() * width, reach: 2 + 4 * random() }));
  const map = new Uint16Array(k * cells);
  const logits = new Float32Array(k * cells);
  const means = new Float64Array(CLASSES.length);
  for (let cell = 0; cell < cells; cell++) {
    const values = CLASSES.map((_, value) => ({ value, logit: 1.5 * random() }));
    for (const { value, y, x, reach } of hills) {
      const distance = Math.hypot(Math.floor(cell / width) + 0.5 - y, cell % width + 0.5 - x);
      values[value].logit += 8 * Math.exp(-((distance / reach) ** 2));
    }
    for (const { value, logit } of values) means[value] += logit / cells;
    values.sort((a, b) => b.logit - a.logit).slice(0, k).forEach(({ value, logit }, rank) => {
      map[rank * cells + cell] = value;
      logits[rank * cells + cell] = logit;
    });
  }
  const total = means.reduce((sum, mean) => sum + Math.exp(mean), 0);
  const top = [...means.keys()].sort((a, b) => means[b] - means[a]).slice(0, 5);
  return {
    key,
    label,
    width: size[0],
    height: size[1],
    class: map,
    score: quantise(logits, dtype),
    topClass: Uint16Array.from(top),
    topProbability: Float32Array.from(top, (value) => Math.exp(means[value]) / total),
  };
}
