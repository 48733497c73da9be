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

import { numberOf } from "../base/number_of.ts";
import { showValue } from "../base/show_value.ts";
import { LARGEST_IMAGE_FILE } from "./image_file.ts";
import type { ValueColumn } from "./parquet_schema.ts";
import {
  columnReader,
  groupsWithin,
  isDamage,
  openParquetFile,
  openToRead,
  type ParquetFile,
  prepareColumns,
  type ReadValue,
  releaseColumns,
  turn,
} from "./parquet_file.ts";
import { chooseLabels, type Labels, NO_LABELS, readLabels, textOf } from "./parquet_labels.ts";
import type { ImageRange, ImageSource, ImageSurvey, ListedImage, ShardFile, StoredImage } from "./image_source.ts";
import { surveyImages } from "./survey.ts";

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
export async function openParquetImages(path: string, shards: readonly ShardFile[]): Promise<ImageSource> {
  const files = shards.map(openParquetFile);
  const total = files.reduce((sum, { rows }) => sum + rows, 0);
  if (total === 0) throw new Deno.errors.NotFound(`Cannot find images in "${path}": the Parquet files have no rows`);
  const labels = await chooseLabels(files);

  async function* list({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<ListedImage> {
    for (const { file, first, from, to } of within(files, start, end)) {
      const { path, name } = file.shard;
      let row = from;
      for await (const some of readLabels(file, labels, { from, to })) {
        for (const found of some) {
          const image = { index: first + row, key: `${name}/${row}`, path };
          yield "unreadable" in found ? { ...image, label: null, place: found } : { ...image, ...found, place: null };
          row++;
        }
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
 * @param range The rows to read.
 * @returns Rows and their images.
 * @throws {TypeError} If it is no Parquet file of images.
 */
export async function* readParquetImages(
  shard: ShardFile,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<{ readonly position: number; readonly bytes: StoredImage["bytes"] }, undefined> {
  for await (const { row, bytes } of readRows(openParquetFile(shard), NO_LABELS, start, end)) {
    yield { position: row, bytes };
  }
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

async function* readRows(
  file: ParquetFile,
  { columns, find }: Labels,
  from: number,
  to: number,
): AsyncGenerator<{ row: number; label: number | null; bytes: StoredImage["bytes"] }> {
  using opened = openToRead(file);
  const { image } = file.columns;
  const column = columns.get(file);
  const wanted = [image.bytes, ...column ? [column.values] : [], ...image.path ? [image.path] : []];
  const groups = [...groupsWithin(file, from, to)];
  for (const [place, group] of groups.entries()) {
    await prepareColumns(opened, file, [group], wanted);
    // The next one comes while this one is used; what is wrong with it is said in its turn.
    prepareColumns(opened, file, groups.slice(place + 1, place + 2), wanted).catch(() => {});
    const reader = (column: ValueColumn) => columnReader(opened, file, group, column);
    const bytesOf = reader(image.bytes);
    const labelOf = column && reader(column.values);
    let pathOf: ReturnType<typeof reader> | undefined;
    for (let row = group.from; row < group.to; row++) {
      await turn(row);
      const value = labelOf?.at(row) ?? null;
      if (isDamage(value)) {
        yield { row, label: null, bytes: { unreadable: value.unreadable } };
        continue;
      }
      const { label } = find(value);
      const bytes = bytesOf.at(row);
      if (bytes instanceof Uint8Array && bytes.length > LARGEST_IMAGE_FILE) {
        const reason = `it has ${
          numberOf(bytes.length, "byte")
        }, more than the ${LARGEST_IMAGE_FILE} of the largest image`;
        yield {
          row,
          label,
          bytes: { unreadable: `Cannot read row ${row} of "${file.shard.path}": ${reason}` },
        };
      } else if (bytes instanceof Uint8Array) {
        // In a buffer of its own, to be moved to a worker: the reader's are views of whole pages.
        const own = new Uint8Array(bytes);
        bytesOf.free();
        yield { row, label, bytes: own };
      } else if (isDamage(bytes)) yield { row, label, bytes };
      else {
        if (image.path) pathOf ??= reader(image.path);
        yield { row, label, bytes: { unreadable: noBytes(file.shard.path, row, pathOf?.at(row) ?? null) } };
      }
    }
    releaseColumns(opened, file, group, wanted);
  }
}

function noBytes(path: string, row: number, stored: ReadValue): string {
  const text = stored instanceof Uint8Array ? textOf(stored) : null;
  const only = text === null || text === "" ? "" : `, only the path ${showValue(text)} in place of them`;
  return `Cannot read row ${row} of "${path}": it has no image bytes${only}`;
}
