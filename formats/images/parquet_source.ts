/**
 * Images in Parquet files as Hugging Face's `datasets` writes them, and in others that hold images and labels in columns.
 *
 * A label that is a number is the class; where the file names its classes, as `datasets` does, it must be one of them.
 * Labels that are texts are classes in natural order over all files, or in the order of those names. A negative label, as
 * in an unlabelled test split, counts as unknown. Which columns are taken, {@linkcode chooseColumns} says.
 *
 * One page of a column is in memory at a time.
 *
 * @module
 */

import { createFilePool, type RandomAccessFile } from "../labels/random_access.ts";
import { readFooter } from "../labels/parquet/decode/file.ts";
import { decodeFileMetadata, type FileMetadata } from "../labels/parquet/decode/footer.ts";
import { showValue } from "../show_value.ts";
import { LARGEST_IMAGE_FILE } from "./image_file.ts";
import { compareNatural } from "./natural_sort.ts";
import { type ColumnReader, openColumn, type Value, type ValueColumn } from "./parquet_column.ts";
import { chooseColumns, type ChosenColumns, type LabelColumn } from "./parquet_columns.ts";
import type { ImageRange, ImageSource, ListedImage, Shard, StoredImage } from "./source.ts";
import { type FoundLabel, type ImageSurvey, labelOfNumber, surveyImages } from "./survey.ts";
import { numberOf } from "../number_of.ts";

/** Rows to a byte of a file; more is no data set but a claim that would be counted for hours. */
const MOST_ROWS_A_BYTE = 64;
/** Texts that are told apart as classes. */
const MOST_CLASSES = 100_000;
/** Columns to name in a sentence. */
const SHOWN_COLUMNS = 8;
/** Rows from one moment in which others have their turn to the next. */
const TURN = 8192;

/** An open Parquet file: what is read of it and how. */
interface ParquetFile {
  readonly shard: Shard;
  readonly metadata: FileMetadata;
  readonly rows: number;
  readonly columns: ChosenColumns;
}

/** What the labels of all files are. */
interface Labels {
  /** The column of each file, undefined where it has none of that name. */
  readonly columns: ReadonlyMap<ParquetFile, LabelColumn | undefined>;
  readonly classes: readonly string[] | null;
  find(value: Value | null): FoundLabel;
  readonly remarks: readonly string[];
}

const NO_LABELS: Labels = {
  columns: new Map(),
  classes: null,
  find: () => ({ label: null, unlabelled: "in files without a label column" }),
  remarks: [],
};

/**
 * Opens Parquet files: reads the end of each, where the schema and the row counts are, and the label column of all where
 * it holds texts.
 *
 * @param path What the user named, for messages.
 * @param shards The files in order.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If a file is gone, or there are no rows.
 * @throws {TypeError} If a file is no Parquet file, has no image column, or is a label map, or the files' labels are not
 *   of one kind, or their texts cannot all be read.
 */
export async function openParquet(path: string, shards: readonly Shard[]): Promise<ImageSource> {
  const files = shards.map(openFile);
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  if (total === 0) throw new Deno.errors.NotFound(`Cannot find images in "${path}": the Parquet files have no rows`);
  const labels = await chooseLabels(files);

  async function* list({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<ListedImage> {
    for (const { file, first, from, to } of within(files, start, end)) {
      const { path, name } = file.shard;
      let row = from;
      for await (const found of readLabels(file, labels, from, to)) {
        const image = { index: first + row, key: `${name}/${row}`, path };
        yield "unreadable" in found ? { ...image, label: null, place: found } : { ...image, ...found, place: null };
        row++;
      }
    }
  }

  let surveyed: Promise<ImageSurvey> | undefined;
  return {
    path,
    description: `${files.length} Parquet file${files.length === 1 ? "" : "s"}`,
    classes: labels.classes,
    count: () => Promise.resolve(total),
    async *read({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<StoredImage> {
      for (const { file, first, from, to } of within(files, start, end)) {
        for await (const { row, ...found } of readRows(file, labels, from, to)) {
          yield { index: first + row, key: `${file.shard.name}/${row}`, ...found };
        }
      }
    },
    list,
    survey: () => surveyed ??= surveyImages(list(), () => ({ passedOver: [], remarks: labels.remarks })),
  };
}

/**
 * Reads images of one file, without a look at labels.
 *
 * @param shard The file.
 * @param range Its rows.
 * @returns Rows and their images.
 * @throws {TypeError} If it is no Parquet file of images.
 */
export async function* readParquetImages(
  shard: Shard,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<{ readonly position: number; readonly bytes: StoredImage["bytes"] }, undefined> {
  for await (const { row, bytes } of readRows(openFile(shard), NO_LABELS, start, end)) yield { position: row, bytes };
}

/** The files that hold some of the rows from `start` to before `end`, each with its first row and the range in it. */
function* within(
  files: readonly ParquetFile[],
  start: number,
  end: number,
): Generator<{ file: ParquetFile; first: number; from: number; to: number }> {
  let first = 0;
  for (const file of files) {
    if (first >= end) return;
    const [from, to] = [Math.max(start - first, 0), Math.min(end - first, file.rows)];
    if (from < to) yield { file, first, from, to };
    first += file.rows;
  }
}

function openFile(shard: Shard): ParquetFile {
  const subject = `Cannot read Parquet file ${showValue(shard.path)}`;
  const file = createFilePool().open(shard.path, subject);
  try {
    const metadata = readFooter(file, subject, decodeFileMetadata);
    if (metadata.entries.has("relabel")) {
      throw new TypeError(`Cannot read images from ${showValue(shard.path)}: it is a label map, not images`);
    }
    const rows = metadata.groups.reduce((sum, group) => sum + group.rows, 0);
    if (rows > MOST_ROWS_A_BYTE * file.size) {
      throw new TypeError(`${subject}: it claims ${numberOf(rows, "row")} in ${numberOf(file.size, "byte")}`);
    }
    return { shard, metadata, rows, columns: chooseColumns(metadata, shard.path) };
  } finally {
    file.close();
  }
}

/** Chooses the column that all files' labels are of, and what its values mean. */
async function chooseLabels(files: readonly ParquetFile[]): Promise<Labels> {
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
    const { labels } = file.columns;
    return [file, labels.find(({ name }) => name === chosen.name) ?? labels.find(isNamedLike(chosen.name))] as const;
  }));
  let classes: readonly string[] | null = null;
  for (const [{ shard }, column] of columns) {
    if (!column) continue;
    if (column.values.kind !== chosen.values.kind) {
      throw new TypeError(
        `${subject}: it is ${column.values.description} in ${showValue(shard.path)}, ` +
          `${chosen.values.description} in ${showValue(first.shard.path)}`,
      );
    }
    if (column.names && classes && column.names.join("\0") !== classes.join("\0")) {
      throw new TypeError(`${subject}: its classes in ${showValue(shard.path)} are not those of the files before it`);
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
  return {
    label: null,
    unlabelled: `with a label beyond the ${numberOf(classes.length, "class", "classes")} that are named`,
  };
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

function textOf(bytes: Uint8Array): string | null {
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
    for await (const value of readColumn(file, column.values, 0, file.rows)) {
      // Without all texts the classes would have other numbers.
      if (isDamage(value)) throw new TypeError(`${subject}: its texts number the classes: ${value.unreadable}`);
      const text = value instanceof Uint8Array ? textOf(value) : null;
      if (text !== null && text.trim() !== "") found.add(text);
      if (found.size > MOST_CLASSES) return null;
    }
  }
  return [...found].sort((a, b) => compareNatural(a, b) || (a < b ? -1 : 1));
}

/** The labels of rows, or why reading the rows will fail. */
async function* readLabels(
  file: ParquetFile,
  { columns, find }: Labels,
  from: number,
  to: number,
): AsyncGenerator<FoundLabel | { readonly unreadable: string }> {
  const column = columns.get(file);
  if (!column) {
    const label = find(null);
    const unlabelled = columns.size === 0 ? label : { label: null, unlabelled: "in files without the label column" };
    for (let row = from; row < to; row++) yield unlabelled;
    return;
  }
  for await (const value of readColumn(file, column.values, from, to)) {
    yield isDamage(value) ? { unreadable: value.unreadable } : find(value);
  }
}

/** A value of a row, or why it cannot be read. */
type ReadValue = Value | null | { readonly unreadable: string };

function isDamage(value: ReadValue): value is { readonly unreadable: string } {
  return typeof value === "object" && value !== null && "unreadable" in value;
}

async function* readColumn(
  file: ParquetFile,
  column: ValueColumn,
  from: number,
  to: number,
): AsyncGenerator<ReadValue> {
  using opened = open(file);
  for (const group of groupsWithin(file, from, to)) {
    const reader = columnReader(opened, file, group, column);
    for (let row = group.from; row < group.to; row++) {
      if (row % TURN === 0) await takeTurns();
      yield reader(row);
    }
  }
}

/** Lets other work, such as signals, have its turn. */
function takeTurns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function open({ shard }: ParquetFile): RandomAccessFile & Disposable {
  const file = createFilePool().open(shard.path, `Cannot read Parquet file ${showValue(shard.path)}`);
  return { ...file, [Symbol.dispose]: file.close };
}

/** A row group of a file, with the rows that are wanted of it. */
interface Group {
  readonly index: number;
  /** Its rows in the file. */
  readonly start: number;
  readonly rows: number;
  readonly from: number;
  readonly to: number;
}

function* groupsWithin({ metadata }: ParquetFile, from: number, to: number): Generator<Group> {
  let start = 0;
  for (const [index, { rows }] of metadata.groups.entries()) {
    const group = { index, start, rows, from: Math.max(from, start), to: Math.min(to, start + rows) };
    if (group.from < group.to) yield group;
    start += rows;
  }
}

/** What gives the value of a row of the file, or why it cannot be read. */
function columnReader(
  opened: RandomAccessFile,
  { shard, metadata }: ParquetFile,
  { index, start, rows }: Group,
  column: ValueColumn,
): (row: number) => ReadValue {
  const failed = (error: unknown) => ({
    unreadable: `Cannot read rows ${start} to ${start + rows} of ${showValue(shard.path)}: ${(error as Error).message}`,
  });
  let reader: ColumnReader;
  try {
    reader = openColumn(opened, metadata.groups[index].chunks[column.position], column, rows);
  } catch (error) {
    const failure = failed(error);
    return () => failure;
  }
  return (row) => {
    try {
      return reader.at(row - start);
    } catch (error) {
      return failed(error);
    }
  };
}

async function* readRows(
  file: ParquetFile,
  { columns, find }: Labels,
  from: number,
  to: number,
): AsyncGenerator<{ row: number; label: number | null; bytes: StoredImage["bytes"] }> {
  using opened = open(file);
  const { image } = file.columns;
  const column = columns.get(file);
  for (const group of groupsWithin(file, from, to)) {
    const reader = (column: ValueColumn) => columnReader(opened, file, group, column);
    const bytesOf = reader(image.bytes);
    const labelOf = column && reader(column.values);
    let pathOf: ReturnType<typeof reader> | undefined;
    for (let row = group.from; row < group.to; row++) {
      if (row % TURN === 0) await takeTurns();
      const value = labelOf?.(row) ?? null;
      if (isDamage(value)) {
        yield { row, label: null, bytes: { unreadable: value.unreadable } };
        continue;
      }
      const { label } = find(value);
      const bytes = bytesOf(row);
      if (bytes instanceof Uint8Array && bytes.length > LARGEST_IMAGE_FILE) {
        const reason = `it has ${
          numberOf(bytes.length, "byte")
        }, more than the ${LARGEST_IMAGE_FILE} of the largest image`;
        yield {
          row,
          label,
          bytes: { unreadable: `Cannot read row ${row} of ${showValue(file.shard.path)}: ${reason}` },
        };
      } else if (bytes instanceof Uint8Array) {
        // In a buffer of its own, to be moved to a worker: the reader's are views of whole pages.
        yield { row, label, bytes: new Uint8Array(bytes) };
      } else if (isDamage(bytes)) yield { row, label, bytes };
      else {
        if (image.path) pathOf ??= reader(image.path);
        yield { row, label, bytes: { unreadable: noBytes(file.shard.path, row, pathOf?.(row) ?? null) } };
      }
    }
  }
}

function noBytes(path: string, row: number, stored: ReadValue): string {
  const text = stored instanceof Uint8Array ? textOf(stored) : null;
  const only = text === null || text === "" ? "" : `, only the path ${showValue(text)} in place of them`;
  return `Cannot read row ${row} of ${showValue(path)}: it has no image bytes${only}`;
}
