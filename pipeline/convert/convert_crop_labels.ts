/**
 * From FKD's files to a table of crop labels.
 *
 * @module
 */

import { type CropLabelImage, type CropLabelMetadata, openCropLabelFolder } from "../../formats/labels/mod.ts";
import {
  type CropLabels,
  type PublishedFile,
  type PublishedSource,
  readPublished,
} from "../../formats/published/mod.ts";
import { dataSetClassNames } from "../model/class_names.ts";
import type { LeftOver } from "./options.ts";
import type { ClassList } from "./convert_published.ts";
import type { FillResult } from "../label_folder/fill_folder.ts";
import { type ConversionOptions, fillFromPublished } from "./fill_from_published.ts";
import { imageFinder } from "./image_finder.ts";
import { engineVersion } from "../command/version.ts";

/** The largest integer up to which float16 holds them all. */
const FLOAT16_INTEGERS = 2048;

/** How to convert crop labels. */
export interface CropLabelOptions extends ConversionOptions {
  readonly classes: ClassList;
  /** What made the labels; default the teacher of FKD's example. */
  readonly name?: string;
  /** What the other classes of a crop get; default `uniform`. */
  readonly missing?: LeftOver;
  /** The folder of the images, for their real names. */
  readonly images?: string;
}

/**
 * Converts FKD's files.
 *
 * @param source The files.
 * @param sample The crops of one file, which the others must be like.
 * @param output The folder; it is made, or gone on with.
 * @param options How to convert, and whom to tell.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration.
 * @throws {Error} If a file cannot be converted and `strict` is set.
 */
export async function convertCropLabels(
  source: PublishedSource,
  sample: CropLabels,
  output: string,
  options: CropLabelOptions,
): Promise<FillResult> {
  const { classes, name = "tf_efficientnet_l2_ns_475", missing = "uniform", images, rowsPerFile } = options;
  const metadata: CropLabelMetadata = {
    version: 1,
    kind: "crop_labels",
    annotator: { name, sha256: "unknown", inputSize: [0, 0], mean: [], std: [], interpolation: "unknown" },
    classes: classes.count,
    k: sample.k,
    // A hard label leaves nothing over.
    missing: sample.mode === "hard" ? "zero" : missing,
    converted: { from: "fkd", mode: sample.mode },
  };
  const find = images === undefined ? undefined : imageFinder(images);
  const folder = openCropLabelFolder(output, {
    metadata,
    rowsPerFile,
    source: { images: source.count, firstKey: source.firstStem, lastKey: source.lastStem },
    keys: images === undefined ? "stem.JPEG" : "images",
    engine: { version: engineVersion },
  }, { classes: classes.names, dataSetClasses: await dataSetClassNames(source.classes) });

  async function row({ path, stem, label, read }: PublishedFile): Promise<CropLabelImage> {
    const crops = readPublished(path, await read());
    checkAlike(crops, sample, path, classes.count);
    const { box, flip, class: classIndices, probability } = crops;
    return { key: find?.(stem).key ?? `${stem}.JPEG`, label, box, flip, class: classIndices, probability };
  }

  return await fillFromPublished(folder, source, row, { ...options, find });
}

/** Refuses what a row of the table cannot hold. */
function checkAlike(
  published: ReturnType<typeof readPublished>,
  sample: CropLabels,
  path: string,
  classes: number,
): asserts published is CropLabels {
  const subject = `Cannot convert "${path}"`;
  if (published.kind !== "crop_labels") throw new TypeError(`${subject}: it holds a map, the others crops`);
  const { mode, k, isHalf } = published;
  if (mode !== sample.mode || k !== sample.k) {
    throw new TypeError(`${subject}: its labels are ${mode} of ${k}, the first were ${sample.mode} of ${sample.k}`);
  }
  if (isHalf && classes > FLOAT16_INTEGERS + 1) {
    throw new RangeError(
      `Cannot trust "${path}": its class indices are float16, exact up to ${FLOAT16_INTEGERS}, and there are ${classes} classes`,
    );
  }
  const wrong = published.class.findIndex((index) => !(Number.isInteger(index) && index >= 0 && index < classes));
  if (wrong < 0) return;
  throw new RangeError(
    `${subject}: crop ${Math.floor(wrong / k)} has class ${published.class[wrong]}, expected an integer from 0 to ${
      classes - 1
    }`,
  );
}
