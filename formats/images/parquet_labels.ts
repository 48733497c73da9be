/**
 * The labels of Parquet files: of which column they are, and what its values mean over all files.
 *
 * @module
 */

import { numberOf } from "../base/number_of.ts";
import { showValue } from "../base/show_value.ts";
import { compareNatural } from "../base/natural_sort.ts";
import type { LabelColumn } from "./parquet_columns.ts";
import { isDamage, type ParquetFile, readColumn, turn } from "./parquet_file.ts";
import type { Value } from "./parquet_values.ts";
import { type FoundLabel, labelOfNumber } from "./survey.ts";

/** Texts that are told apart as classes. */
const MOST_CLASSES = 100_000;
/** Rows without a label that are given at once. */
const NONE_AT_ONCE = 1024;
/** Columns to name in a sentence. */
const SHOWN_COLUMNS = 8;

/** What the labels of all files are. */
export interface Labels {
  /** The column of each file, undefined where it has none of that name. */
  readonly columns: ReadonlyMap<ParquetFile, LabelColumn | undefined>;
  readonly classes: readonly string[] | null;
  /** What a value is. */
  find(value: Value | null): FoundLabel;
  /** What the user should know. */
  readonly remarks: readonly string[];
}

/** Labels of files whose labels are not asked for. */
export const NO_LABELS: Labels = {
  columns: new Map(),
  classes: null,
  find: () => ({ label: null, unlabelled: "in files without a label column" }),
  remarks: [],
};

/**
 * Chooses the column that all files' labels are of, and looks through it where it holds texts.
 *
 * @param files The files in order.
 * @returns What the labels are.
 * @throws {TypeError} If the files' labels are not of one kind, or their texts cannot all be read.
 */
export async function chooseLabels(files: readonly ParquetFile[]): Promise<Labels> {
  const first = files.find(({ columns }) => columns.labels.length > 0);
  const remarks = new Set(files.flatMap(({ columns: { remark } }) => remark ?? []));
  for (const { columns: { image, otherImages, unusable } } of files) {
    if (otherImages.length > 0) {
      remarks.add(`Images are of column ${showValue(image.name)}, not of ${names(otherImages)}`);
    }
    if (unusable.length > 0) remarks.add(`Labels cannot be of column ${shorten(unusable)}`);
  }
  if (!first) {
    const { others } = files[0].columns;
    if (others.length > 0) remarks.add(`No column is taken for labels: there are ${shorten(others)}`);
    return { ...NO_LABELS, remarks: [...remarks] };
  }
  const [chosen, ...rest] = first.columns.labels;
  const subject = `Cannot read labels of column ${showValue(chosen.name)}`;
  if (rest.length > 0) {
    remarks.add(`Labels are of column ${showValue(chosen.name)}, not of ${names(rest.map(({ name }) => name))}`);
  }
  const columns = new Map(files.map((file) => {
    const { usable } = file.columns;
    return [file, usable.find(({ name }) => name === chosen.name) ?? usable.find(isNamedLike(chosen.name))] as const;
  }));
  let classes: readonly string[] | null = null;
  for (const [{ shard }, column] of columns) {
    if (!column) continue;
    if (column.values.kind !== chosen.values.kind) {
      throw new TypeError(
        `${subject}: it is ${column.values.description} in "${shard.path}", ` +
          `${chosen.values.description} in "${first.shard.path}"`,
      );
    }
    if (column.names && classes && column.names.join("\0") !== classes.join("\0")) {
      throw new TypeError(`${subject}: its classes in "${shard.path}" are not those of the files before it`);
    }
    classes ??= column.names;
  }
  if (chosen.values.kind === "number") {
    return { columns, classes, find: (value) => numberLabel(value, classes), remarks: [...remarks] };
  }
  classes ??= await textClasses(columns, subject);
  if (classes === null) {
    remarks.add(
      `Column ${showValue(chosen.name)} is not taken for labels: it has more than ${MOST_CLASSES} different texts`,
    );
    const find = () => ({ label: null, unlabelled: "without a label" });
    return { columns: new Map(), classes, find, remarks: [...remarks] };
  }
  const numbers = new Map(classes.map((name, label) => [name, label]));
  return { columns, classes, find: (value) => textLabel(value, numbers), remarks: [...remarks] };
}

function isNamedLike(name: string): (column: LabelColumn) => boolean {
  return (column) => column.name.toLowerCase() === name.toLowerCase();
}

function names(columns: readonly string[]): string {
  return shorten(columns.map((name) => showValue(name)));
}

function shorten(columns: readonly string[]): string {
  const more = columns.length - SHOWN_COLUMNS;
  return [...columns.slice(0, SHOWN_COLUMNS), ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function numberLabel(value: Value | null, classes: readonly string[] | null): FoundLabel {
  const found = labelOfNumber(value);
  if (found.label === null || classes === null || found.label < classes.length) return found;
  const named = numberOf(classes.length, "class", "classes");
  return { label: null, unlabelled: `with a label beyond the ${named} with a name` };
}

function textLabel(value: Value | null, classes: ReadonlyMap<string, number>): FoundLabel {
  if (!(value instanceof Uint8Array)) return { label: null, unlabelled: "without a label" };
  const text = textOf(value);
  if (text === null) return { label: null, unlabelled: "whose label is not UTF-8" };
  if (text.trim() === "") return { label: null, unlabelled: "with an empty label" };
  const label = classes.get(text);
  return label === undefined ? { label: null, unlabelled: "whose label is none of the named classes" } : { label };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, null if they are no UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The different texts of all files, in natural order; null if there are too many to be classes. */
async function textClasses(columns: Labels["columns"], subject: string): Promise<string[] | null> {
  const found = new Set<string>();
  for (const [file, column] of columns) {
    if (!column) continue;
    const read = readColumn(file, column.values, { from: 0, to: file.rows }, (value) => {
      // Without all texts the classes would have other numbers.
      if (isDamage(value)) throw new TypeError(`${subject}: its texts number the classes: ${value.unreadable}`);
      const text = value instanceof Uint8Array ? textOf(value) : null;
      if (text !== null && text.trim() !== "") found.add(text);
    });
    for await (const _ of read) if (found.size > MOST_CLASSES) return null;
  }
  return [...found].sort((a, b) => compareNatural(a, b) || (a < b ? -1 : 1));
}

/** A row's label, or why reading the row will fail. */
type ReadLabel = FoundLabel | { readonly unreadable: string };

/**
 * Reads labels, some rows at a time.
 *
 * @param file The file.
 * @param labels What its labels are.
 * @param range The rows.
 * @returns For each row its label, or why reading the row will fail.
 */
export async function* readLabels(
  file: ParquetFile,
  { columns, find }: Labels,
  range: { readonly from: number; readonly to: number },
): AsyncGenerator<ReadLabel[]> {
  const column = columns.get(file);
  if (column) {
    yield* readColumn(file, column.values, range, (value): ReadLabel => isDamage(value) ? value : find(value));
    return;
  }
  const none = columns.size === 0 ? find(null) : { label: null, unlabelled: "in files without the label column" };
  for (let row = range.from; row < range.to;) {
    await turn(row);
    const count = Math.min(NONE_AT_ONCE - row % NONE_AT_ONCE, range.to - row);
    yield Array<ReadLabel>(count).fill(none);
    row += count;
  }
}
