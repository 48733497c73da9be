/**
 * What a label map is: one row of a part file, and the metadata that describes all rows of a file.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import type { Json } from "../base/json.ts";
import {
  checkScores,
  type Classes,
  type LabelMapType,
  labelMapTypes,
  type ScoreKind,
  type Scores,
} from "../base/label_map.ts";

/** The label map of one image. */
export interface LabelMapRow {
  /** The image's path under the root, `/`-separated; in tar shards `shard.tar/member`. */
  readonly key: string;
  /** The data set's own class index, null if unknown. */
  readonly label: number | null;
  /** Width of the decoded image, pixels. */
  readonly width: number;
  /** Height of the decoded image, pixels. */
  readonly height: number;
  /** Class indices `[k, H, W]`; rank 0 is the class with the highest score. */
  readonly class: Classes;
  /** The scores of those classes, in the same order: logits, or probabilities where the metadata say so. */
  readonly score: Scores;
  /**
   * The best classes (5, or all where there are fewer) of the whole picture, best first: of softmax(mean of the whole map over
   * H and W), or what else the metadata's `scores` makes of that mean.
   */
  readonly topClass: Classes;
  /** Probabilities of those classes. */
  readonly topProbability: Float32Array;
}

/** The network that computed the maps, and how it saw images. Further entries are kept as they are. */
export interface Annotator {
  /** Its architecture, as timm names it. */
  readonly name: string;
  /** SHA-256 of its weights, hexadecimal. */
  readonly sha256: string;
  /** `[H, W]` of the images it was given, pixels. */
  readonly inputSize: readonly [height: number, width: number];
  /** Mean of red, green and blue that is subtracted, with 255 as 1. */
  readonly mean: readonly number[];
  /** Standard deviation of red, green and blue that is divided by, with 255 as 1. */
  readonly std: readonly number[];
  /** Filter of the resize: `bilinear` or `bicubic`. */
  readonly interpolation: string;
  /** Further entries. */
  readonly [entry: string]: Json;
}

/** What is said of all rows of labels, be they of whole images or of crops. */
export interface LabelMetadata {
  /** Version of the format; readers refuse others. */
  readonly version: 1;
  /** What computed the labels. */
  readonly annotator: Annotator;
  /** Number of classes the annotator tells apart. */
  readonly classes: number;
  /** Classes kept in each cell, or for each crop. */
  readonly k: number;
  /** Further entries. */
  readonly [entry: string]: Json | undefined;
}

/** What a part file says of its rows: the JSON of the Parquet key-value metadata entry `relabel`. */
export interface LabelMapMetadata extends LabelMetadata {
  /** `[H, W]` of the maps, cells. */
  readonly grid: readonly [height: number, width: number];
  /** How scores are stored. */
  readonly dtype: LabelMapType;
  /** Order of the last two axes: `[k, H, W]`. */
  readonly layout: "hw";
  /** What scores are; absent: `softmax`. */
  readonly scores?: ScoreKind;
  /** The logit of the classes that a cell lacks; `sigmoid` maps have it that do not hold all classes, and no others. */
  readonly floor?: number;
  /**
   * Further entries; `exifOrientation` is true where images were turned as {@linkcode isTurned} says, `resize` the version of
   * Pillow whose resize they went through, 12 if absent; `averagedWith`, `mirror`, `average`, `temperature` and `pooledFrom` say
   * how several maps became one.
   */
  readonly [entry: string]: Json | undefined;
}

/** Whether the images that maps were made of were turned as their EXIF orientation says, and width and height with them. */
export function isTurned({ exifOrientation }: LabelMapMetadata): boolean {
  return exifOrientation === true;
}

/** Number of values in one map: k x H x W. */
export function mapLength({ k, grid: [height, width] }: LabelMapMetadata): number {
  return k * height * width;
}

/**
 * Checks that a value, parsed from JSON or given by a program, is metadata this version of the format understands.
 *
 * @param value What to check.
 * @param subject How the message starts: `Cannot read label map "a.parquet"`.
 * @returns The value, typed.
 * @throws {TypeError} If an entry is missing or of the wrong type.
 * @throws {RangeError} If an entry is out of range.
 */
export function checkMetadata(value: unknown, subject: string): LabelMapMetadata {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${subject}: its metadata is not an object`);
  }
  const metadata = value as LabelMapMetadata;
  const show = (entry: string) => showValue(metadata[entry]);
  if (metadata.kind !== undefined) throw new TypeError(`${subject}: it holds ${show("kind")}, expected label maps`);
  checkLabelMetadata(metadata, subject);
  if (!labelMapTypes.includes(metadata.dtype)) {
    throw new RangeError(`${subject}: dtype is ${show("dtype")}, expected one of ${labelMapTypes.join(", ")}`);
  }
  if (metadata.layout !== "hw") throw new RangeError(`${subject}: layout is ${show("layout")}, expected "hw"`);
  if (metadata.exifOrientation !== undefined && typeof metadata.exifOrientation !== "boolean") {
    throw new TypeError(`${subject}: exifOrientation is ${show("exifOrientation")}, expected true or false`);
  }
  if (!Array.isArray(metadata.grid) || metadata.grid.length !== 2 || !metadata.grid.every(isPositive)) {
    throw new RangeError(`${subject}: grid is ${show("grid")}, expected two positive integers`);
  }
  checkScores(metadata, subject);
  return metadata;
}

/**
 * Checks what metadata of all labels have.
 *
 * @param metadata What to check.
 * @param subject How the message starts.
 * @throws {TypeError | RangeError} If an entry is missing, of the wrong type, or out of range.
 */
export function checkLabelMetadata(metadata: LabelMetadata, subject: string): void {
  const show = (entry: string) => showValue(metadata[entry]);
  if (metadata.version !== 1) throw new RangeError(`${subject}: format version is ${show("version")}, expected 1`);
  if (typeof metadata.annotator?.name !== "string" || typeof metadata.annotator.sha256 !== "string") {
    throw new TypeError(`${subject}: annotator is ${show("annotator")}, expected an object with name and sha256`);
  }
  if (!isPositive(metadata.classes) || metadata.classes > 2 ** 32) {
    throw new RangeError(`${subject}: classes is ${show("classes")}, expected 1 to 4,294,967,296`);
  }
  if (!isPositive(metadata.k) || metadata.k > metadata.classes) {
    throw new RangeError(`${subject}: k is ${show("k")}, expected 1 to ${metadata.classes}, the number of classes`);
  }
}

function isPositive(count: unknown): boolean {
  return Number.isInteger(count) && count as number > 0;
}
