/**
 * From published maps to a folder of label maps.
 *
 * @module
 */

import {
  type Annotator,
  type ClassNames,
  type Container,
  type LabelMapConfiguration,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  openLabelMapFolder,
  quantiseMap,
} from "../../formats/labels/mod.ts";
import {
  mapOf,
  type PublishedFile,
  type PublishedMap,
  type PublishedMapKind,
  type PublishedSource,
  readPublished,
} from "../../formats/published/mod.ts";
import { imageSize } from "../../formats/images/image_size.ts";
import { dataSetClassNames } from "../model/class_names.ts";
import type { FillResult } from "../label_folder/fill_folder.ts";
import { type ConversionOptions, fillFromPublished } from "./fill_from_published.ts";
import { imageFinder } from "./image_finder.ts";
import { topClassesOf } from "./top_classes.ts";
import { engineVersion } from "../command/version.ts";
import type { MapLayout } from "../../formats/base/label_map.ts";

/** The classes that indices count. */
export interface ClassList {
  readonly count: number;
  readonly names?: ClassNames;
}

/** How to convert published maps. */
export interface PublishedOptions extends ConversionOptions {
  readonly container: Container;
  readonly classes: ClassList;
  readonly layout: MapLayout;
  /** Default that of the files. */
  readonly dtype?: LabelMapType;
  /** Classes kept in each cell; default all. */
  readonly k?: number;
  /** What made the maps; default what published them. */
  readonly name?: string;
  /** The folder of the images. */
  readonly images?: string;
}

/** ImageNet's colours, and how images of both were resized. */
const NORMALISATION = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], interpolation: "bicubic" } as const;

/** What made the published maps, as far as it is known. */
const MAKERS: Readonly<Record<PublishedMapKind, Annotator>> = {
  "relabel": maker("tf_efficientnet_l2_ns_475", 475),
  "token-labeling": maker("dm_nfnet_f6", 576),
};

function maker(name: string, side: number): Annotator {
  return { name, sha256: "unknown", inputSize: [side, side], ...NORMALISATION };
}

/** What is said of a maker of which only the name is known. */
export const UNKNOWN_MAKER = {
  sha256: "unknown",
  inputSize: [0, 0],
  mean: [],
  std: [],
  interpolation: "unknown",
} as const;

/** Types of the scores, as precise as the files are. */
const TYPES: Readonly<Record<PublishedMapKind, LabelMapType>> = { "relabel": "fp32", "token-labeling": "fp16" };

/**
 * What the rows will be.
 *
 * @param map A map of the source, which the others are like.
 * @param options How to convert.
 * @returns Their metadata. The entry `converted` says where they are from and how they were stored.
 * @throws {RangeError} If there are fewer ranks than are wanted.
 */
export function convertedMetadata(map: PublishedMap, options: PublishedOptions): LabelMapMetadata {
  const { kind, axes: [first, second] } = map;
  const { layout, dtype = TYPES[kind], k = map.k, classes, name } = options;
  if (k > map.k) throw new RangeError(`Cannot keep the ${k} best classes of each cell: the maps have ${map.k}`);
  return {
    version: 1,
    annotator: name === undefined ? MAKERS[kind] : { ...UNKNOWN_MAKER, name },
    classes: classes.count,
    k,
    grid: layout === "hw" ? [first, second] : [second, first],
    dtype,
    layout: "hw",
    converted: { from: kind, layout },
  };
}

/**
 * Converts published maps.
 *
 * @param source The files.
 * @param sample A map of the source, which the others must be like.
 * @param output The folder; it is made, or gone on with.
 * @param options How to convert, and whom to tell.
 * @returns What was done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {TypeError} If the folder was begun with another configuration.
 * @throws {Error} If a file cannot be converted and `strict` is set.
 */
export async function convertPublished(
  source: PublishedSource,
  sample: PublishedMap,
  output: string,
  options: PublishedOptions,
): Promise<FillResult> {
  const { classes, images, rowsPerFile, container } = options;
  const metadata = convertedMetadata(sample, options);
  const convert = rowConverter(sample, metadata, options);
  const find = images === undefined ? undefined : imageFinder(images);
  const configuration: LabelMapConfiguration = {
    metadata,
    rowsPerFile,
    ...(container === "parquet" ? {} : { container }),
    source: { images: source.count, firstKey: source.firstStem, lastKey: source.lastStem },
    keys: images === undefined ? "stem.JPEG" : "images",
    engine: { version: engineVersion },
  };
  const folder = openLabelMapFolder(output, configuration, {
    classes: classes.names,
    dataSetClasses: await dataSetClassNames(source.classes),
  });

  async function row(file: PublishedFile): Promise<LabelMapRow> {
    const bytes = await file.read();
    const image = find ? sizedImage(find(file.stem)) : { key: `${file.stem}.JPEG`, width: 0, height: 0 };
    return { ...image, label: file.label, ...convert(file.path, bytes) };
  }

  return await fillFromPublished(folder, source, row, { ...options, find });
}

/** Makes of a file's bytes the columns that do not depend on where it is. */
function rowConverter(
  sample: PublishedMap,
  metadata: LabelMapMetadata,
  { classes: { count: classes }, layout }: PublishedOptions,
): (path: string, bytes: Uint8Array) => Pick<LabelMapRow, "class" | "score" | "topClass" | "topProbability"> {
  const { k, grid: [height, width] } = metadata;
  const cells = height * width;
  const expected = shapeOf(sample);
  return (path, bytes) => {
    const published = readPublished(path, bytes);
    if (published.kind === "crop_labels") {
      throw new TypeError(`Cannot convert "${path}": it holds crops, the others maps`);
    }
    if (shapeOf(published) !== expected) {
      throw new TypeError(`Cannot convert "${path}": it is ${shapeOf(published)}, the first was ${expected}`);
    }
    const map = mapOf(published, { path, classes, layout });
    const best = { class: map.class.subarray(0, k * cells), logits: map.score.subarray(0, k * cells) };
    return {
      class: best.class,
      score: quantiseMap(best, metadata),
      ...topClassesOf(map, { k: published.k, grid: metadata.grid, classes }),
    };
  };
}

function shapeOf({ kind, k, axes }: PublishedMap): string {
  return `${kind === "relabel" ? "float32" : "float16"} [2, ${k}, ${axes.join(", ")}]`;
}

function sizedImage({ path, key }: { path: string; key: string }) {
  try {
    return { key, ...imageSize(Deno.readFileSync(path)) };
  } catch (error) {
    throw new Error(`Cannot use image "${path}": ${(error as Error).message}`, { cause: error });
  }
}
