/**
 * Images in Parquet files as Hugging Face's `datasets` writes them.
 *
 * The image column is the one that the `huggingface` metadata calls an `Image`; without such metadata the column named
 * `image` or `img`, or else the only one of its kind. It is a struct with the field `bytes` (and mostly `path`), or plain
 * binary. The label column is, of the integer columns, the first of `label`, `labels`, `fine_label`, `coarse_label`,
 * `class`, `cls`, `target`, or else the first that the metadata calls a `ClassLabel`; a negative label, as in an unlabelled test split, counts
 * as unknown. Class names are those of that column in the metadata.
 *
 * One row group of these two columns is in memory at a time, or, where the file has a page index and its row groups are
 * large, a slice of one.
 *
 * @module
 */

import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { releaseBytes } from "./pixels.ts";
import type { ImageRange, ImageSource, ListedImage, Shard, StoredImage } from "./source.ts";
import { type FoundLabel, type ImageSurvey, labelOfNumber, surveyImages } from "./survey.ts";

const IMAGE_COLUMNS = ["image", "img"];
const LABEL_COLUMNS = ["label", "labels", "fine_label", "coarse_label", "class", "cls", "target"];
/** Bytes: row groups beyond it are read in slices where there is a page index. */
const LARGE_ROW_GROUP = 2 ** 26;

/** An open Parquet file: what is read of it and how. */
interface ParquetFile {
  readonly shard: Shard;
  readonly metadata: FileMetaData;
  readonly rows: number;
  readonly image: string;
  readonly label: string | null;
  readonly classes: readonly string[] | null;
}

/**
 * Opens Parquet files: reads the end of each, where the schema and the row counts are.
 *
 * @param path What the user named, for messages.
 * @param shards The files in order.
 * @returns The source.
 * @throws {TypeError} If a file has no image column, or is a label map.
 * @throws {Error} If a file cannot be read as Parquet.
 */
export async function openParquet(path: string, shards: readonly Shard[]): Promise<ImageSource> {
  const files: ParquetFile[] = [];
  for (const shard of shards) files.push(await openFile(shard));
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  if (total === 0) throw new Deno.errors.NotFound(`Cannot find images in "${path}": the Parquet files have no rows`);

  async function* read({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<StoredImage> {
    let first = 0;
    for (const file of files) {
      if (first >= end) return;
      if (first + file.rows > start) {
        yield* readRows(file, first, Math.max(start - first, 0), Math.min(end - first, file.rows));
      }
      first += file.rows;
    }
  }

  async function* list({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<ListedImage> {
    let first = 0;
    for (const file of files) {
      if (first >= end) return;
      const { path, name } = file.shard;
      const [from, to] = [Math.max(start - first, 0), Math.min(end - first, file.rows)];
      const labels = from < to ? await readLabels(file) : undefined;
      for (let row = from; row < to; row++) {
        const label = labels?.[row] ?? { label: null };
        yield { index: first + row, key: `${name}/${row}`, ...label, path, place: null };
      }
      first += file.rows;
    }
  }

  let surveyed: Promise<ImageSurvey> | undefined;
  return {
    path,
    description: `${files.length} Parquet file${files.length === 1 ? "" : "s"}`,
    classes: files.find(({ classes }) => classes !== null)?.classes ?? null,
    count: () => Promise.resolve(total),
    read,
    list,
    survey: () => surveyed ??= surveyImages(list()),
  };
}

async function openFile(shard: Shard): Promise<ParquetFile> {
  let metadata: FileMetaData;
  try {
    using file = await openBuffer(shard.path);
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    throw new Error(`Cannot read Parquet file "${shard.path}": ${(error as Error).message}`);
  }
  const entries = new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value]));
  if (entries.has("relabel")) {
    throw new TypeError(`Cannot read images from "${shard.path}": it is a label map, not images`);
  }
  const features = huggingFaceFeatures(entries.get("huggingface"));
  const image = imageColumn(shard, metadata, features);
  const label = labelColumn(metadata, features);
  return {
    shard,
    metadata,
    rows: Number(metadata.num_rows),
    image,
    label,
    classes: (label === null ? undefined : features[label]?.names) ?? null,
  };
}

/** What is used of `datasets`' description of a column. */
interface Feature {
  readonly _type?: string;
  readonly names?: readonly string[];
}

function huggingFaceFeatures(text: string | undefined): Record<string, Feature> {
  if (text === undefined) return {};
  try {
    return JSON.parse(text)?.info?.features ?? {};
  } catch {
    return {};
  }
}

function imageColumn(shard: Shard, metadata: FileMetaData, features: Record<string, Feature>): string {
  const columns = parquetSchema(metadata).children;
  const candidates = columns.filter(({ element, children }) =>
    children.some((child) => child.element.name === "bytes" && isBinary(child.element)) || isBinary(element)
  ).map(({ element }) => element.name);
  const chosen = candidates.find((name) => features[name]?._type === "Image") ??
    IMAGE_COLUMNS.find((name) => candidates.includes(name)) ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (chosen !== undefined) return chosen;
  const found = columns.map(({ element, children }) =>
    `${element.name} (${children.length > 0 ? "nested" : (element.converted_type ?? element.type)?.toLowerCase()})`
  );
  throw new TypeError(`Cannot find an image column in "${shard.path}": its columns are ${found.join(", ")}`);
}

function isBinary(element: { type?: string; converted_type?: string; logical_type?: unknown }): boolean {
  return element.type === "BYTE_ARRAY" && element.converted_type === undefined && element.logical_type === undefined;
}

function labelColumn(metadata: FileMetaData, features: Record<string, Feature>): string | null {
  const integers = parquetSchema(metadata).children
    .filter(({ element }) => (element.type === "INT32" || element.type === "INT64") && isPlainInteger(element))
    .map(({ element }) => element.name);
  return LABEL_COLUMNS.find((name) => integers.includes(name)) ??
    integers.find((name) => features[name]?._type === "ClassLabel") ?? null;
}

/** Not a date, a time or a decimal. */
function isPlainInteger({ converted_type }: { converted_type?: string }): boolean {
  return converted_type === undefined || /^U?INT_/.test(converted_type);
}

async function* readRows(file: ParquetFile, first: number, start: number, end: number): AsyncGenerator<StoredImage> {
  for (const [rowStart, rowEnd] of slices(file, start, end)) {
    let rows: Record<string, unknown>[];
    let failure = "";
    try {
      using buffer = await openBuffer(file.shard.path);
      rows = await parquetReadObjects({
        file: buffer,
        metadata: file.metadata,
        columns: file.label === null ? [file.image] : [file.image, file.label],
        rowStart,
        rowEnd,
        compressors,
        utf8: false,
        useOffsetIndex: true,
      });
    } catch (error) {
      rows = [];
      failure = `Cannot read rows ${rowStart} to ${rowEnd} of "${file.shard.path}": ${(error as Error).message}`;
    }
    const pages = new Set<ArrayBuffer>();
    for (let row = rowStart; row < rowEnd; row++) {
      const values = rows[row - rowStart];
      const view = values && imageView(values[file.image]);
      if (view) pages.add(view.buffer);
      yield {
        index: first + row,
        key: `${file.shard.name}/${row}`,
        label: file.label === null || !values ? null : labelOfNumber(values[file.label]).label,
        // In a buffer of its own, to be moved to a worker: the reader's are views of whole pages.
        bytes: view ? new Uint8Array(view) : { unreadable: values ? noBytes(file.shard.path, row) : failure },
      };
    }
    for (const page of pages) releaseBytes(new Uint8Array(page));
  }
}

/** The labels of all rows, undefined if the file has none or they cannot be read, which reading its images tells. */
async function readLabels({ shard, metadata, label }: ParquetFile): Promise<FoundLabel[] | undefined> {
  if (label === null) return undefined;
  try {
    using file = await openBuffer(shard.path);
    const rows = await parquetReadObjects({ file, metadata, columns: [label], compressors, utf8: false });
    return rows.map((row) => labelOfNumber(row[label]));
  } catch {
    return undefined;
  }
}

/** Ranges of rows to read at once: row groups, or parts of large ones. */
function* slices({ metadata, image }: ParquetFile, start: number, end: number): Generator<[number, number]> {
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows);
    const chunks = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === image);
    const bytes = chunks.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size), 0);
    const indexed = chunks.every(({ offset_index_offset }) => offset_index_offset !== undefined);
    const rows = indexed
      ? Math.ceil((groupEnd - groupStart) / Math.max(Math.ceil(bytes / LARGE_ROW_GROUP), 1))
      : Infinity;
    for (let from = groupStart; from < groupEnd; from += rows) {
      const slice: [number, number] = [Math.max(from, start), Math.min(from + rows, groupEnd, end)];
      if (slice[0] < slice[1]) yield slice;
    }
    groupStart = groupEnd;
  }
}

/** The encoded image in its page, null if the row has none. */
function imageView(value: unknown): Uint8Array<ArrayBuffer> | null {
  const bytes = value instanceof Uint8Array ? value : (value as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? bytes as Uint8Array<ArrayBuffer> : null;
}

function noBytes(path: string, row: number): string {
  return `Cannot read row ${row} of "${path}": it has no image bytes`;
}

/** A file as hyparquet reads it; each slice is a seek and a read. */
async function openBuffer(path: string): Promise<AsyncBuffer & Disposable> {
  const file = await Deno.open(path);
  const byteLength = (await file.stat()).size;
  if (byteLength < 12) {
    file.close();
    throw new Error(`${byteLength} bytes are too few`);
  }
  return {
    byteLength,
    slice(start, end = byteLength) {
      // Synchronous, so that slices asked for together do not share the file's position.
      const bytes = new Uint8Array(Math.min(end, byteLength) - start);
      file.seekSync(start, Deno.SeekMode.Start);
      let filled = 0;
      while (filled < bytes.length) {
        const count = file.readSync(bytes.subarray(filled));
        if (count === null) throw new Error(`the file ends at byte ${start + filled}`);
        filled += count;
      }
      return bytes.buffer;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
