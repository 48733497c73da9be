/**
 * The values of a column of any Parquet file, row by row. Of a column chunk one page is in memory at a time, and its
 * values are taken from it as they are asked for, so that memory is bounded by the largest page and not by what a file
 * claims.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */

import { numberOf } from "../base/number_of.ts";
import { decompress } from "../columns/parquet/decode/decompress.ts";
import { CODECS } from "../columns/parquet/format.ts";
import type { ChunkPosition } from "../columns/parquet/decode/footer.ts";
import { findPages, type Page, readPage, splitPage } from "../columns/parquet/decode/page.ts";
import { bitWidth, decodeRuns } from "../columns/parquet/decode/runs.ts";
import type { RandomAccessFile } from "../base/random_access.ts";
import type { ValueColumn } from "./parquet_schema.ts";
import { dictionaryOf, type Value, valuesOf } from "./parquet_values.ts";
import { releaseBytes } from "../base/pixels.ts";

/** Bytes of a page and of what it becomes: some writers put a thousand images into one. */
const LARGEST_PAGE = 400_000_000;

/** Bytes of both together, where a page is compressed. */
const LARGEST_UNPACKING = 2 ** 29;

/** A column chunk that is read row by row. */
export interface ColumnReader {
  /**
   * The value of a row, null where there is none. Bytes are of the page, and may be changed when another is read.
   *
   * @param row Row of the row group; not before the one asked for last.
   * @throws {RangeError} If the row's page is damaged; rows of other pages can be read.
   */
  at(row: number): Value | null;
  /** Frees what no later row needs, and with it the bytes that were given: in place of the collector, which runs late. */
  free(): void;
}

/**
 * Opens a column chunk.
 *
 * @param file The file.
 * @param chunk Where the chunk is.
 * @param column The column's type and levels.
 * @param rows Rows of the row group.
 * @returns A reader at its first row.
 * @throws {RangeError} If the headers of its pages are damaged.
 */
export function openColumn(
  file: RandomAccessFile,
  chunk: ChunkPosition,
  column: ValueColumn,
  rows: number,
): ColumnReader {
  const pages = findPages(file, chunk, LARGEST_PAGE);
  if (pages.valueCount !== rows) {
    throw new RangeError(`it has ${numberOf(pages.valueCount, "value")} in ${numberOf(rows, "row")}`);
  }
  let dictionaryBytes: Uint8Array | undefined;
  const dictionary = onlyOnce(() => {
    if (!pages.dictionary) return undefined;
    const stored = readPage(file, checked(pages.dictionary));
    dictionaryBytes = decompress(stored, pages.dictionary.codec, pages.dictionary.uncompressedBytes);
    if (dictionaryBytes.buffer !== stored.buffer) release(stored);
    return dictionaryOf(dictionaryBytes, pages.dictionary.valueCount, column);
  });
  let index = -1;
  let page: OpenPage | { error: unknown } | undefined;

  function open(found: Page): OpenPage {
    const stored = readPage(file, checked(found));
    const { bytes, repetitionBytes, definitionBytes } = splitPage(stored, found, column);
    if (repetitionBytes) throw new RangeError("it has levels of lists");
    const isPresent = presence(definitionBytes, column.definition, found);
    const count = isPresent?.count ?? found.valueCount;
    const value = valuesOf(bytes, found.encoding, count, column, dictionary);
    let place = 0;
    const next = () => !isPresent || isPresent.at(place++) ? value() : null;
    if (bytes.buffer !== stored.buffer) release(stored);
    return { next, row: found.firstValue, bytes };
  }

  return {
    at(row) {
      while (index < 0 || row >= pages.data[index].firstValue + pages.data[index].valueCount) {
        index++;
        if (page && "bytes" in page) release(page.bytes);
        page = undefined;
      }
      if (!page) {
        try {
          page = open(pages.data[index]);
        } catch (error) {
          page = { error };
        }
      }
      if ("error" in page) throw page.error;
      for (; page.row < row; page.row++) page.next();
      page.row++;
      return page.next();
    },
    free() {
      if (!page || !("bytes" in page)) return;
      const { firstValue, valueCount } = pages.data[index];
      if (page.row === firstValue + valueCount) release(page.bytes);
      if (page.row === rows && dictionaryBytes) release(dictionaryBytes);
    },
  };
}

/** A page whose values are taken one after the other. */
interface OpenPage {
  next(): Value | null;
  /** The row of the next one. */
  row: number;
  /** The page's values. */
  readonly bytes: Uint8Array;
}

/** Refuses a page whose bytes would be too many together with what they become. */
function checked(page: Page): Page {
  const bytes = page.compressedBytes + (page.codec === CODECS.UNCOMPRESSED ? 0 : page.uncompressedBytes);
  if (bytes > LARGEST_UNPACKING) {
    throw new RangeError(`a page has ${numberOf(bytes, "byte")}, those that it is unpacked to included`);
  }
  return page;
}

/** Frees a page now and not when the collector runs, unless it is so small that it may be a part of a pool. */
function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 2 ** 16) releaseBytes(new Uint8Array(buffer));
}

/** Calls a function when its result is first asked for, and gives it, or its error, from then on. */
function onlyOnce<Result>(read: () => Result): () => Result {
  let found: { result: Result } | { error: unknown } | undefined;
  return () => {
    if (!found) {
      try {
        found = { result: read() };
      } catch (error) {
        found = { error };
      }
    }
    if ("error" in found) throw found.error;
    return found.result;
  };
}

/** Which rows of a page have a value; undefined if all have. */
function presence(
  levels: Uint8Array | undefined,
  most: number,
  { valueCount }: Page,
): { count: number; at(index: number): boolean } | undefined {
  if (most === 0) return undefined;
  if (!levels) throw new RangeError("levels are missing");
  const values = new Uint8Array(valueCount);
  decodeRuns(levels, bitWidth(most), values);
  let count = 0;
  for (const level of values) {
    if (level > most) throw new RangeError(`a level is ${level}, at most ${most} is possible`);
    if (level === most) count++;
  }
  return { count, at: (index) => values[index] === most };
}
