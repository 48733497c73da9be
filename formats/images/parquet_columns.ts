/**
 * Which columns of a Parquet file are images and which are labels.
 *
 * The image column is a structure with a binary field `bytes` (and mostly a text `path`), as Hugging Face's `datasets`
 * writes it, or plain binary. Taken is the first by the names below among those that the `huggingface` metadata calls an
 * `Image`, else the first of these, else the first by name of all, else the only one.
 *
 * The label column holds numbers or texts. Taken is the first by the names below, else the first that the metadata calls
 * a `ClassLabel`. Names are compared without case, spaces, `-` and `_`.
 *
 * @module
 */

import type { FileMetadata, SchemaElement } from "../columns/parquet/decode/footer.ts";
import { REPETITION } from "../columns/parquet/format.ts";
import { showValue } from "../base/show_value.ts";
import { type ValueColumn, valueColumn } from "./parquet_schema.ts";

const IMAGE_NAMES = ["image", "img", "picture", "photo", "jpg", "jpeg", "png", "webp", "image_bytes", "img_bytes"];
const LABEL_NAMES = [
  ...["label", "labels", "fine_label", "coarse_label", "class", "cls", "target", "targets", "category"],
  ...["class_label", "label_id", "class_id", "category_id", "class_index", "label_name", "class_name", "category_name"],
];

/** Where a file's images are. */
export interface ImageColumn {
  readonly name: string;
  readonly bytes: ValueColumn;
  /** Path of the file that the image was, where that is stored. */
  readonly path?: ValueColumn;
}

/** A column that can be labels. */
export interface LabelColumn {
  readonly name: string;
  readonly values: ValueColumn;
  /** Names of the classes that its numbers count, where the file says them. */
  readonly names: readonly string[] | null;
}

/** What a file's columns are for. */
export interface ChosenColumns {
  readonly image: ImageColumn;
  /** Other columns that could be images. */
  readonly otherImages: readonly string[];
  /** Columns that could be labels, the one to take first. */
  readonly labels: readonly LabelColumn[];
  /** All columns that can be labels, whatever they are called. */
  readonly usable: readonly LabelColumn[];
  /** Columns with the name of labels that cannot be, with what they are: `"labels" (a structure)`. */
  readonly unusable: readonly string[];
  /** All columns beside the image, with what they are. */
  readonly others: readonly string[];
  /** Why names of classes are not taken from the metadata, if they are not. */
  readonly remark?: string;
}

/**
 * Chooses the columns of a file.
 *
 * @param metadata What its footer says.
 * @param path Path of the file, for messages.
 * @returns What its columns are for.
 * @throws {TypeError} If none or several of them could be the images.
 */
export function chooseColumns({ columns, entries }: FileMetadata, path: string): ChosenColumns {
  const { features, remark } = huggingFaceFeatures(entries.get("huggingface"), path);
  const candidates = columns.flatMap((element) => imageColumn(element) ?? []);
  const called = candidates.filter(({ name }) => features[name]?._type === "Image");
  const image = firstByName(called, IMAGE_NAMES) ?? called[0] ?? firstByName(candidates, IMAGE_NAMES) ??
    (candidates.length === 1 ? candidates[0] : undefined);
  if (!image) {
    const which = candidates.length > 1 ? `tell the image column of "${path}"` : undefined;
    throw new TypeError(
      `Cannot ${which ?? `find an image column in "${path}"`}: its columns are ${
        columns.map((column) => `${column.name} (${describe(column)})`).join(", ")
      }`,
    );
  }
  const rest = columns.filter(({ name }) => name !== image.name);
  const described = (elements: readonly SchemaElement[]) =>
    elements.map((element) => `${showValue(element.name)} (${describe(element)})`);
  const usable = rest.flatMap((element): LabelColumn[] => {
    const values = valueColumn(element);
    if (values?.kind !== "number" && values?.kind !== "text") return [];
    return [{ name: element.name, values, names: classNamesOf(features[element.name]) }];
  });
  const isLabelName = (name: string) => LABEL_NAMES.some((known) => plain(known) === plain(name));
  const named = LABEL_NAMES.flatMap((name) => usable.filter((column) => plain(column.name) === plain(name)));
  const labelled = usable.filter(({ name }) => features[name]?._type === "ClassLabel" && !isLabelName(name));
  const unusable = rest.filter(({ name }) => isLabelName(name) && !usable.some((column) => column.name === name));
  return {
    image,
    otherImages: candidates.filter((other) => other !== image).map(({ name }) => name),
    labels: [...named, ...labelled],
    usable,
    unusable: described(unusable),
    others: described(rest),
    ...(remark === undefined ? {} : { remark }),
  };
}

function imageColumn(element: SchemaElement): ImageColumn | undefined {
  const { name, children, repetition } = element;
  const values = valueColumn(element);
  if (values) return values.kind === "bytes" ? { name, bytes: values } : undefined;
  if (repetition === REPETITION.repeated) return undefined;
  const definition = repetition === REPETITION.optional ? 1 : 0;
  const field = (wanted: string) => {
    const found = children.find((child) => plain(child.name) === wanted);
    return found && valueColumn(found, definition);
  };
  const [bytes, path] = [field("bytes"), field("path")];
  if (bytes?.kind !== "bytes") return undefined;
  return { name, bytes, ...(path?.kind === "text" ? { path } : {}) };
}

function firstByName<Column extends { readonly name: string }>(
  columns: readonly Column[],
  names: readonly string[],
): Column | undefined {
  for (const name of names) {
    const found = columns.find((column) => plain(column.name) === plain(name));
    if (found) return found;
  }
}

/** A name without what is written in one way here and in another there. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, "");
}

function describe(element: SchemaElement): string {
  return valueColumn(element)?.description ?? "nested";
}

/** What is used of `datasets`' description of a column. */
interface Feature {
  readonly _type?: string;
  readonly names?: unknown;
}

function huggingFaceFeatures(
  text: string | undefined,
  path: string,
): { features: Record<string, Feature | undefined>; remark?: string } {
  if (text === undefined) return { features: {} };
  try {
    const features = JSON.parse(text)?.info?.features;
    return { features: typeof features === "object" && features !== null ? features : {} };
  } catch {
    return { features: {}, remark: `What "huggingface" says in "${path}" is not JSON and is not used` };
  }
}

function classNamesOf(feature: Feature | undefined): readonly string[] | null {
  const names = feature?.names;
  if (feature?._type !== "ClassLabel" || !Array.isArray(names)) return null;
  return names.length > 0 && names.every((name) => typeof name === "string") ? names : null;
}
