/**
 * The photographs of Fashion-MNIST (H. Xiao, K. Rasul and R. Vollgraf, 2017; MIT licence): 60,000 and 10,000 garments of ten
 * classes, grey on black, 28 x 28 pixels.
 *
 * @module
 */

import { join } from "@std/path";
import { ifThere } from "../../../formats/base/files.ts";
import { readIdx } from "../../../formats/images/idx.ts";
import type { PhotographParts, Photographs } from "./photographs.ts";

/** Where Debian's package puts the files. */
export const FASHION_FOLDER = "/usr/share/datasets/fashion-mnist";

/** Width and height of a photograph in pixels. */
const GARMENT_SIDE = 28;

/** The classes by the data set's own labels. */
const LABEL_NAMES = [
  "tshirt_top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle_boot",
];

/** Names of the classes, in the order of their folders. */
export const garmentClasses: readonly string[] = LABEL_NAMES.toSorted();

/**
 * Reads the four files, gzipped or not.
 *
 * @param folder The folder with `train-images-idx3-ubyte` and the others.
 * @returns The photographs.
 * @throws {Error} If a file is not there or is not what its name says.
 */
export async function readGarments(folder: string): Promise<PhotographParts> {
  const read = async (part: "train" | "t10k"): Promise<Photographs> => {
    const [imageFile, labelFile] = ["images-idx3-ubyte", "labels-idx1-ubyte"].map((kind) =>
      findFile(folder, `${part}-${kind}`)
    );
    const images = await readIdx(imageFile, 3);
    const labels = await readIdx(labelFile, 1);
    const [count, height, width] = images.shape;
    if (height !== GARMENT_SIDE || width !== GARMENT_SIDE) {
      throw new TypeError(`Cannot use "${imageFile}": its images are ${height} x ${width}, not 28 x 28`);
    }
    if (count !== labels.shape[0]) {
      throw new TypeError(`Cannot use "${labelFile}": it has ${labels.shape[0]} labels for ${count} images`);
    }
    const wrong = labels.values.findIndex((label) => label >= LABEL_NAMES.length);
    if (wrong >= 0) {
      throw new RangeError(`Cannot use "${labelFile}": label ${wrong} is ${labels.values[wrong]}, not 0 to 9`);
    }
    const lacking = LABEL_NAMES.filter((_, label) => !labels.values.includes(label));
    if (lacking.length > 0) throw new TypeError(`Cannot use "${labelFile}": it has no ${lacking.join(", ")}`);
    const classOf = LABEL_NAMES.map((name) => garmentClasses.indexOf(name));
    return {
      values: images.values,
      classes: labels.values.map((label) => classOf[label]),
      side: GARMENT_SIDE,
      names: garmentClasses,
    };
  };
  return { train: await read("train"), test: await read("t10k") };
}

function findFile(folder: string, name: string): string {
  const found = [`${name}.gz`, name].map((file) => join(folder, file))
    .find((path) => ifThere(() => Deno.statSync(path)) !== undefined);
  if (found !== undefined) return found;
  throw new Deno.errors.NotFound(
    `Cannot read Fashion-MNIST from "${folder}": there is no ${name}.gz; Debian's package dataset-fashion-mnist has the ` +
      "files, or name their folder by --fashion",
  );
}
