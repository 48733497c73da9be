/**
 * Crop-level labels as a table: a row a crop, with the classes and probabilities that are known of it.
 *
 * | column | type | |
 * | --- | --- | --- |
 * | `key` | utf8 | the image's path under the root |
 * | `label` | int32, null if unknown | the data set's own class index |
 * | `crop` | int32 | position among the image's crops |
 * | `top`, `left`, `height`, `width` | float32 | fractions of the image |
 * | `flip` | uint8 | 1 if the crop was mirrored after it was cut out |
 * | `class` | list of uint16 (uint32 from 65,536 classes on) | k class indices |
 * | `probability` | list of float32 | their probabilities |
 *
 * Files and folders of them are like those of label maps; the metadata entry `relabel` says `"kind": "crop_labels"`.
 *
 * @module
 */

import type { Column, PlacedColumn } from "../columns/columns.ts";
import { classesError, finiteError, integersError, probabilitiesError, type RowError } from "./row_error.ts";
import { parquetEncoder } from "../columns/parquet/encode/file.ts";
import { classArray } from "../base/label_map.ts";
import { classType, labelColumn } from "./label_map_columns.ts";
import { checkLabelMetadata, type LabelMetadata } from "./types.ts";
import {
  createRowFile,
  createThreadedRowFile,
  type RowFile,
  type RowWriter,
  type ThreadedRowWriter,
} from "./row_file.ts";
import { numberOf } from "../base/number_of.ts";

/**
 * What the classes get that a crop's label leaves out: (1 - sum of the k probabilities) / (C - k) each (`uniform`), nothing
 * after the k are divided by their sum (`renormalise`), or nothing (`zero`).
 */
export type MissingShare = "zero" | "uniform" | "renormalise";

/** What a file of crop labels says of its rows. */
export interface CropLabelMetadata extends LabelMetadata {
  readonly kind: "crop_labels";
  readonly missing: MissingShare;
}

/** The labels of one image's crops. */
export interface CropLabelImage {
  readonly key: string;
  readonly label: number | null;
  /** Top, left, height, width of each crop `[N, 4]`, fractions of the image. */
  readonly box: Float32Array;
  /** 1 for each crop that was mirrored `[N]`. */
  readonly flip: ArrayLike<number>;
  /** Class indices `[N, k]`. */
  readonly class: ArrayLike<number>;
  /** Their probabilities `[N, k]`. */
  readonly probability: Float32Array;
}

/** Whether metadata is of crop labels, and not of label maps. */
export function isCropLabelMetadata(value: unknown): value is CropLabelMetadata {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "crop_labels";
}

/** Crops in a row group: what a hundred images of FKD have. */
const GROUP_CROPS = 50_000;

/**
 * Checks that a value is metadata of crop labels.
 *
 * @param value What to check.
 * @param subject How the message starts.
 * @returns The value, typed.
 * @throws {TypeError | RangeError} If an entry is missing, of the wrong type, or out of range.
 */
export function checkCropLabelMetadata(value: CropLabelMetadata, subject: string): CropLabelMetadata {
  checkLabelMetadata(value, subject);
  const { missing } = value;
  if (!["zero", "uniform", "renormalise"].includes(missing)) {
    throw new RangeError(`${subject}: missing is ${JSON.stringify(missing)}, expected zero, uniform or renormalise`);
  }
  return value;
}

/**
 * The columns of crop labels.
 *
 * @param metadata Metadata of the file.
 * @returns Name, type and shape of each, in order.
 */
export function cropLabelColumns({ classes, k }: CropLabelMetadata): readonly Column[] {
  return [
    { name: "key", type: "utf8", shape: "required" },
    { name: "label", type: "int32", shape: "optional" },
    { name: "crop", type: "int32", shape: "required" },
    { name: "top", type: "float32", shape: "required" },
    { name: "left", type: "float32", shape: "required" },
    { name: "height", type: "float32", shape: "required" },
    { name: "width", type: "float32", shape: "required" },
    { name: "flip", type: "uint8", shape: "required" },
    { name: "class", type: classType(classes), shape: "list", listLength: k },
    { name: "probability", type: "float32", shape: "list", listLength: k },
  ];
}

/**
 * Begins a Parquet file of crop labels.
 *
 * @param path Path of the file.
 * @param metadata What the rows are.
 * @returns The writer; end with `finish` or `discard`.
 * @throws {TypeError | RangeError} If the metadata is not valid.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createCropLabelFile(path: string, metadata: CropLabelMetadata): RowWriter<CropLabelImage> {
  const subject = subjectOf(path);
  return createRowFile(path, subject, rowsOfFile(subject, metadata));
}

/** What {@linkcode createCropLabelFile} does, with groups of rows that a thread encodes: the same bytes. */
export function createThreadedCropLabelFile(
  path: string,
  metadata: CropLabelMetadata,
): ThreadedRowWriter<CropLabelImage> {
  const subject = subjectOf(path);
  return createThreadedRowFile(path, subject, rowsOfFile(subject, metadata));
}

function subjectOf(path: string): string {
  return `Cannot write crop labels "${path}"`;
}

function rowsOfFile(subject: string, metadata: CropLabelMetadata): RowFile<CropLabelImage> {
  checkCropLabelMetadata(metadata, subject);
  return {
    encoder: parquetEncoder(cropLabelColumns(metadata), metadata),
    what: "image",
    most: GROUP_CROPS,
    findError: (image) => findImageError(image, metadata),
    count: ({ flip }) => flip.length,
    keep: (image) => image,
    columns: (images, crops) => groupColumns(images, crops, metadata),
  };
}

function findImageError(image: CropLabelImage, { k, classes }: CropLabelMetadata): RowError | undefined {
  const count = image.flip.length;
  const lengths = { box: 4 * count, class: k * count, probability: k * count };
  for (const [name, expected] of Object.entries(lengths)) {
    const { length } = image[name as keyof typeof lengths];
    if (length !== expected) return new TypeError(`${name} has ${numberOf(length, "value")}, expected ${expected}`);
  }
  return integersError({ label: image.label ?? 0 }) ??
    classesError("class", image.class, classes) ??
    finiteError("box", image.box) ??
    probabilitiesError("probability", image.probability);
}

/** The columns of some images' crops, in the order of {@linkcode cropLabelColumns}. */
function groupColumns(images: readonly CropLabelImage[], crops: number, metadata: CropLabelMetadata): PlacedColumn[] {
  const { k, classes } = metadata;
  const each = <Value>(value: (image: CropLabelImage, crop: number) => Value): Value[] =>
    images.flatMap((image) => Array.from({ length: image.flip.length }, (_, crop) => value(image, crop)));
  const side = (position: number): PlacedColumn => ({
    type: "float32",
    values: Float32Array.from(each(({ box }, crop) => box[crop * 4 + position])),
  });
  const placement = { lengths: new Array<number>(crops).fill(k) };
  const indices = images.flatMap((image) => Array.from(image.class));
  return [
    { type: "utf8", values: each(({ key }) => key) },
    labelColumn(each(({ label }) => label)),
    { type: "int32", values: Int32Array.from(each((_, crop) => crop)) },
    ...[0, 1, 2, 3].map(side),
    { type: "uint8", values: Uint8Array.from(each(({ flip }, crop) => flip[crop])) },
    { type: classType(classes), values: classArray(classes).from(indices), placement } as PlacedColumn,
    {
      type: "float32",
      values: Float32Array.from(images.flatMap(({ probability }) => Array.from(probability))),
      placement,
    },
  ];
}
