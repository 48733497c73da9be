/**
 * Pages: where those of a column chunk are, and what is in one.
 *
 * Sizes and counts in a header are claims. What is allocated for them is bounded, and nothing is read beyond the chunk.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/
 */

import { crc32 } from "node:zlib";
import type { ColumnValues } from "../../columns.ts";
import type { RandomAccessFile } from "../../../base/random_access.ts";
import { ENCODINGS, PAGES } from "../format.ts";
import { decompress } from "./decompress.ts";
import { type ChunkPosition, count, type Leaf, struct } from "./footer.ts";
import { bitWidth, decodeRuns, isOneRun } from "./runs.ts";
import { decodeThrift, type ThriftStruct } from "./thrift.ts";
import { decodeValues } from "./values.ts";
import { numberOf } from "../../../base/number_of.ts";

/** A page in the file: its offset is where what follows the header begins; the values of a dictionary are counted too. */
export interface Page extends ChunkPosition {
  readonly uncompressedBytes: number;
  /** CRC32 of what follows the header, if the writer says it. */
  readonly checksum?: number;
  /** Position of its first value among those of the chunk's data pages. */
  readonly firstValue: number;
  readonly encoding: number;
  /** In the second version of data pages levels stand before what is compressed. */
  readonly levels?: { readonly repetition: number; readonly definition: number; readonly isCompressed: boolean };
}

/** The pages of a column chunk. */
export interface ChunkPages {
  readonly dictionary?: Page;
  readonly data: readonly Page[];
  /** Values in all data pages. */
  readonly valueCount: number;
}

/** What is in a data page. */
export interface DecodedPage {
  /** The values, nulls left out. */
  readonly values: ColumnValues["values"];
  /** For each level, of lists: 0 where a list begins. */
  readonly repetition?: Uint8Array;
  /** For each level, unless all values are there. */
  readonly definition?: Uint8Array;
}

/** Bytes of a page and of its values; other writers end pages at a hundred million bytes. */
const MOST_BYTES = 2 ** 28;

/** Bytes in which a page's header is looked for first, and at most: statistics in it may be long. */
const HEADER_BYTES = [512, 65536, 2 ** 24];

/**
 * Finds the pages of a column chunk by their headers.
 *
 * @param file The file.
 * @param chunk Where the chunk is.
 * @param mostBytes The most bytes that a page and its values may have.
 * @returns The pages in order.
 * @throws {RangeError} If their headers contradict each other or the chunk.
 */
export function findPages(file: RandomAccessFile, chunk: ChunkPosition, mostBytes = MOST_BYTES): ChunkPages {
  const end = chunk.offset + chunk.compressedBytes;
  let dictionary: Page | undefined;
  const data: Page[] = [];
  let firstValue = 0;
  for (let offset = chunk.offset; offset < end && firstValue < chunk.valueCount;) {
    const { fields, length } = readHeader(file, offset, end);
    const [uncompressedBytes, compressedBytes] = [fields[2], fields[3]].map((size) => count(size, "size of a page"));
    const start = offset + length;
    offset = start + compressedBytes;
    if (offset > end) {
      throw new RangeError(`a page of ${numberOf(compressedBytes, "byte")} ends ${offset - end} after its chunk`);
    }
    if (Math.max(uncompressedBytes, compressedBytes) > mostBytes) {
      throw new RangeError(`a page has ${numberOf(uncompressedBytes, "byte")}`);
    }
    const checksum = fields[4] as number | undefined;
    const place = { codec: chunk.codec, offset: start, compressedBytes, uncompressedBytes, checksum };
    if (fields[1] === PAGES.DICTIONARY) {
      const { 1: values, 2: encoding } = struct(fields[7], "dictionary header");
      dictionary = { ...place, ...page(values, encoding), firstValue: 0 };
    } else if (fields[1] === PAGES.DATA || fields[1] === PAGES.DATA_V2) {
      const found = fields[1] === PAGES.DATA ? dataPage(fields[5]) : dataPageV2(fields[8], place);
      // Some writers end a row group with a page of nothing.
      if (found.valueCount > 0) data.push({ ...place, ...found, firstValue });
      firstValue += found.valueCount;
    }
  }
  if (firstValue !== chunk.valueCount) {
    throw new RangeError(`pages hold ${numberOf(firstValue, "value")}, their chunk ${chunk.valueCount}`);
  }
  return { dictionary, data, valueCount: firstValue };
}

function readHeader(file: RandomAccessFile, offset: number, end: number): { fields: ThriftStruct; length: number } {
  for (const most of HEADER_BYTES) {
    const bytes = file.read(offset, Math.min(most, end - offset));
    try {
      const { fields, end: length } = decodeThrift(bytes);
      return { fields, length };
    } catch (error) {
      if (bytes.length < most || most === HEADER_BYTES.at(-1)) throw error;
    }
  }
  throw new RangeError("a page has no header");
}

function page(values: unknown, encoding: unknown): { valueCount: number; encoding: number } {
  const valueCount = count(values as number, "number of values of a page");
  if (valueCount * 4 > MOST_BYTES) throw new RangeError(`a page has ${numberOf(valueCount, "value")}`);
  return { valueCount, encoding: count(encoding as number, "encoding of a page") };
}

function dataPage(header: ThriftStruct[number] | undefined) {
  const { 1: values, 2: encoding } = struct(header, "header of a page");
  return page(values, encoding);
}

function dataPageV2(
  header: ThriftStruct[number] | undefined,
  place: { compressedBytes: number; uncompressedBytes: number },
) {
  const { 1: values, 4: encoding, 5: definitionBytes, 6: repetitionBytes, 7: isCompressed } = struct(
    header,
    "header of a page",
  );
  const definition = count(definitionBytes, "size of definition levels");
  const repetition = count(repetitionBytes, "size of repetition levels");
  if (definition + repetition > Math.min(place.compressedBytes, place.uncompressedBytes)) {
    throw new RangeError(`levels of ${numberOf(definition + repetition, "byte")} are longer than their page`);
  }
  return { ...page(values, encoding), levels: { repetition, definition, isCompressed: isCompressed !== false } };
}

/**
 * Reads the dictionary of a column chunk.
 *
 * @param file The file.
 * @param page The dictionary's page.
 * @param leaf The column's leaf in the schema.
 * @returns The dictionary's values.
 * @throws {RangeError} If the page is damaged.
 */
export function decodeDictionary(file: RandomAccessFile, page: Page, { type }: Leaf): ColumnValues["values"] {
  const bytes = decompress(readPage(file, page), page.codec, page.uncompressedBytes);
  // Files of format version 1 call it PLAIN_DICTIONARY; it is PLAIN in any case.
  return decodeValues(bytes, ENCODINGS.PLAIN, page.valueCount, type);
}

/**
 * Reads a data page.
 *
 * @param file The file.
 * @param page The page.
 * @param leaf The column's leaf in the schema.
 * @param dictionary The chunk's dictionary, if it has one.
 * @returns Values and levels.
 * @throws {RangeError} If the page is damaged.
 */
export function decodePage(
  file: RandomAccessFile,
  page: Page,
  leaf: Leaf,
  dictionary: ColumnValues["values"] | undefined,
): DecodedPage {
  const stored = readPage(file, page);
  const { bytes, repetitionBytes, definitionBytes } = splitPage(stored, page, leaf);
  if (leaf.element !== undefined && !repetitionBytes) throw new RangeError("levels are missing");
  const repetition = repetitionBytes && levels(repetitionBytes, 1, page.valueCount);
  // Where nothing is null there is one run, and no need to look at every level.
  const isComplete = !definitionBytes || isOneRun(definitionBytes, leaf.definition, page.valueCount);
  const definition = isComplete ? undefined : levels(definitionBytes, leaf.definition, page.valueCount);
  const there = definition ? occurrences(definition, leaf.definition) : page.valueCount;
  const values = decodeValues(bytes, page.encoding, there, leaf.type, dictionary);
  return { values, repetition, definition: there === page.valueCount ? undefined : definition };
}

function levels(bytes: Uint8Array, most: number, count: number): Uint8Array {
  const values = new Uint8Array(count);
  decodeRuns(bytes, bitWidth(most), values);
  return values;
}

function occurrences(levels: Uint8Array, wanted: number): number {
  let count = 0;
  for (let index = 0; index < levels.length; index++) if (levels[index] === wanted) count++;
  return count;
}

/**
 * Reads what follows a page's header.
 *
 * @param file The file.
 * @param page The page.
 * @returns Its bytes as they are stored.
 * @throws {RangeError} If they are not what its checksum says.
 */
export function readPage(file: RandomAccessFile, { offset, compressedBytes, checksum }: Page): Uint8Array {
  const bytes = file.read(offset, compressedBytes);
  if (checksum !== undefined && (crc32(bytes) | 0) !== (checksum | 0)) {
    throw new RangeError("a page is not what its checksum says");
  }
  return bytes;
}

/** A page without compression, its levels apart. */
export interface PageContent {
  /** The values. */
  readonly bytes: Uint8Array;
  readonly repetitionBytes?: Uint8Array;
  readonly definitionBytes?: Uint8Array;
}

/**
 * Takes a page apart.
 *
 * @param stored What {@linkcode readPage} gave.
 * @param page The page.
 * @param leaf Whether its column has levels.
 * @returns Levels and values.
 * @throws {RangeError} If it is damaged.
 */
export function splitPage(
  stored: Uint8Array,
  page: Page,
  leaf: Pick<Leaf, "definition" | "element">,
): PageContent {
  return page.levels ? splitLevels(stored, page) : findLevels(stored, page, leaf);
}

/** Splits a page of version 2 into levels and values; the header says how long the levels are. */
function splitLevels(stored: Uint8Array, { codec, uncompressedBytes, levels }: Page): PageContent {
  const { repetition, definition, isCompressed } = levels!;
  const content = stored.subarray(repetition + definition);
  return {
    repetitionBytes: repetition > 0 ? stored.subarray(0, repetition) : undefined,
    definitionBytes: definition > 0 ? stored.subarray(repetition, repetition + definition) : undefined,
    bytes: isCompressed ? decompress(content, codec, uncompressedBytes - repetition - definition) : content,
  };
}

/** Finds the levels of a page of version 1; each is preceded by its length, in 32 bits. */
function findLevels(
  stored: Uint8Array,
  { codec, uncompressedBytes }: Page,
  leaf: Pick<Leaf, "definition" | "element">,
): PageContent {
  const content = decompress(stored, codec, uncompressedBytes);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let offset = 0;
  const next = (): Uint8Array => {
    if (offset + 4 > content.length) throw new RangeError("levels are missing");
    const length = view.getUint32(offset, true);
    const start = offset + 4;
    offset = start + length;
    if (offset > content.length) {
      throw new RangeError(`levels of ${numberOf(length, "byte")} are longer than their page`);
    }
    return content.subarray(start, offset);
  };
  const repetitionBytes = leaf.element === undefined ? undefined : next();
  const definitionBytes = leaf.definition === 0 ? undefined : next();
  return { repetitionBytes, definitionBytes, bytes: content.subarray(offset) };
}
