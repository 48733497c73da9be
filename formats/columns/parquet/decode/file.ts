/**
 * A Parquet file that is open for reading. Only pages that hold what is asked for are read.
 *
 * Lists of one length each stand where arithmetic says they do, so that a page is found without reading those before it;
 * that the lists do have that length is checked on the levels of each page that is read.
 *
 * @module
 */

import { joinArrays } from "../../../base/bytes.ts";
import type { Cache } from "../../cache.ts";
import type { Column, ColumnValues } from "../../columns.ts";
import { fileError, isSystemError } from "../../../base/files.ts";
import type { RandomAccessFile } from "../../../base/random_access.ts";
import { type ColumnSlice, namedReading, type Table } from "../../table.ts";
import { MAGIC } from "../format.ts";
import { decodeFooter, type Leaf } from "./footer.ts";
import { type ChunkPages, decodeDictionary, type DecodedPage, decodePage, findPages, type Page } from "./page.ts";
import { numberOf } from "../../../base/number_of.ts";

/**
 * Opens a Parquet file.
 *
 * @param file The file; closing the table closes it.
 * @param subject How messages start: `Cannot read label map "a.parquet"`.
 * @param cache Keeps decoded pages under names that begin with the file's path.
 * @param path Path of the file.
 * @returns The table.
 * @throws {TypeError} If it is not a whole Parquet file.
 */
export function openParquet(file: RandomAccessFile, subject: string, cache: Cache, path: string): Table {
  const footer = readFooter(file, subject, decodeFooter);

  function pagesOf(leaf: Leaf, group: number): ChunkPages {
    return cache.get(
      `${path} pages ${leaf.position} ${group}`,
      () => findPages(file, footer.groups[group].chunks[leaf.position]),
      ({ data }) => 200 * (data.length + 1),
    );
  }

  function decoded(column: Column, leaf: Leaf, group: number, pages: ChunkPages, page: Page): DecodedPage {
    const { dictionary } = pages;
    return cache.get(`${path} page ${leaf.position} ${page.offset}`, () => {
      const values = dictionary &&
        cache.get(
          `${path} dictionary ${leaf.position} ${group}`,
          () => decodeDictionary(file, dictionary, leaf),
          sizeOf,
        );
      const content = decodePage(file, page, leaf, values);
      if (column.listLength === undefined) return content;
      checkLists(content.repetition!, page.firstValue, column.listLength);
      if (content.definition) throw new RangeError("a value is null");
      return { values: content.values };
    }, ({ values, repetition, definition }) => sizeOf(values) + sizeOf(repetition ?? []) + sizeOf(definition ?? []));
  }

  function read(column: Column, group: number, start: number, end: number): ColumnSlice {
    const { leaf } = footer.columns.get(column.name)!;
    const { rows } = footer.groups[group];
    const pages = pagesOf(leaf!, group);
    const decode = (page: Page) => decoded(column, leaf!, group, pages, page);
    const context = { column, leaf: leaf!, rows, pages, decode };
    return column.shape === "list" && column.listLength === undefined
      ? readLists(context, start, end)
      : readRegular(context, start, end);
  }

  return {
    entries: footer.entries,
    columns: footer.columns,
    groups: footer.groups.map(({ rows }) => rows),
    read: namedReading(subject, "row group", read),
    close: () => file.close(),
  };
}

/** Bytes of a footer: those of thousands of row groups are some megabytes. */
const MOST_FOOTER = 2 ** 26;

/**
 * Reads the footer of a Parquet file.
 *
 * @param file The file.
 * @param subject How messages start.
 * @param decode What reads it, given where it begins in the file.
 * @returns What `decode` gave.
 * @throws {TypeError} If it is not a whole Parquet file.
 */
export function readFooter<Decoded>(
  file: RandomAccessFile,
  subject: string,
  decode: (bytes: Uint8Array, start: number) => Decoded,
): Decoded {
  try {
    const isMagic = (bytes: Uint8Array) => MAGIC.every((byte, index) => byte === bytes[index]);
    if (file.size < 12) throw new RangeError(`it has ${numberOf(file.size, "byte")}`);
    if (!isMagic(file.read(0, 4))) throw new RangeError('it does not begin with "PAR1"');
    const tail = file.read(file.size - 8, 8);
    if (!isMagic(tail.subarray(4))) throw new RangeError('it does not end with "PAR1"');
    const length = new DataView(tail.buffer).getUint32(0, true);
    const start = file.size - 8 - length;
    if (length === 0) throw new RangeError("its footer is empty");
    if (start < 4) throw new RangeError(`its footer has ${numberOf(length, "byte")}, the file ${file.size}`);
    if (length > MOST_FOOTER) {
      throw new RangeError(`its footer has ${numberOf(length, "byte")}, at most ${MOST_FOOTER} are read`);
    }
    return decode(file.read(start, length), start);
  } catch (error) {
    if (isSystemError(error)) throw fileError(subject, error);
    throw new TypeError(`${subject}: it is not a whole Parquet file: ${(error as Error).message}`, { cause: error });
  }
}

interface Context {
  readonly column: Column;
  readonly leaf: Leaf;
  /** Rows of the group. */
  readonly rows: number;
  readonly pages: ChunkPages;
  decode(page: Page): DecodedPage;
}

/** Rows with as many values each. */
function readRegular({ column, leaf, rows, pages, decode }: Context, start: number, end: number): ColumnSlice {
  const length = column.listLength ?? 1;
  if (pages.valueCount !== rows * length) {
    throw new RangeError(`it has ${numberOf(pages.valueCount, "value")}, expected ${rows} x ${length}`);
  }
  const [first, last] = [start * length, end * length];
  const pieces = pagesBetween(pages.data, first, last).map((page): ColumnSlice => {
    const { values, definition } = decode(page);
    const [from, to] = [Math.max(first - page.firstValue, 0), Math.min(last - page.firstValue, page.valueCount)];
    if (!definition) return { values: slice(values, from, to) };
    if (column.shape !== "optional") throw new RangeError("a value is null");
    const present = definition.map((level) => level === leaf.definition ? 1 : 0);
    return { values: slice(spread(values as Int32Array, present), from, to), present: present.subarray(from, to) };
  });
  if (pieces.length === 1) return pieces[0];
  const values = join(pieces.map(({ values }) => values));
  if (pieces.every(({ present }) => !present)) return { values };
  const present = pieces.map(({ values, present }) => present ?? new Uint8Array(values.length).fill(1));
  return { values, present: join(present) as Uint8Array };
}

/** Rows with any number of values each. The whole column of the group is looked through for where they begin. */
function readLists({ leaf, rows, pages, decode }: Context, start: number, end: number): ColumnSlice {
  const offsets: number[] = [];
  const pieces: ColumnValues["values"][] = [];
  let total = 0;
  for (const page of pages.data) {
    const { values, repetition, definition } = decode(page);
    let there = 0;
    for (let index = 0; index < page.valueCount; index++) {
      if (repetition![index] === 0) offsets.push(total + there);
      else if (offsets.length === 0) throw new RangeError("a list has no beginning");
      const level = definition ? definition[index] : leaf.definition;
      if (level === leaf.definition) there++;
      else if (level >= leaf.element!) throw new RangeError(`a value of row ${offsets.length - 1} is null`);
    }
    total += there;
    pieces.push(values);
  }
  if (offsets.length !== rows) throw new RangeError(`${numberOf(offsets.length, "list")} in ${numberOf(rows, "row")}`);
  offsets.push(total);
  const [from, to] = [offsets[start], offsets[end]];
  return { values: slice(join(pieces), from, to), offsets: offsets.slice(start, end + 1).map((place) => place - from) };
}

/** Pages that hold some of the values between two places. */
function pagesBetween(pages: readonly Page[], first: number, last: number): readonly Page[] {
  return pages.filter(({ firstValue, valueCount }) => firstValue < last && firstValue + valueCount > first);
}

/** Refuses lists that do not have the expected length: repetition levels are 0 where one begins, and only there. */
function checkLists(repetition: Uint8Array, firstValue: number, length: number): void {
  let begun = 0;
  for (let index = 0; index < repetition.length; index++) if (repetition[index] === 0) begun++;
  let expected = 0;
  for (let index = (length - firstValue % length) % length; index < repetition.length; index += length) {
    expected++;
    if (repetition[index] !== 0) throw lengthError(repetition, firstValue, length);
  }
  if (begun !== expected) throw lengthError(repetition, firstValue, length);
}

function lengthError(repetition: Uint8Array, firstValue: number, length: number): RangeError {
  const wrong = repetition.findIndex((level, index) => (level === 0) !== ((firstValue + index) % length === 0));
  const place = firstValue + wrong;
  const row = Math.floor(place / length);
  return place % length === 0
    ? new RangeError(`row ${row - 1} has more than ${numberOf(length, "value")}`)
    : new RangeError(`row ${row} has ${numberOf(place % length, "value")}, expected ${length}`);
}

/** Values at their rows, zeros where there is none. */
function spread(values: Int32Array, present: Uint8Array): Int32Array {
  const whole = new Int32Array(present.length);
  let next = 0;
  for (let index = 0; index < present.length; index++) if (present[index] === 1) whole[index] = values[next++];
  return whole;
}

function slice(values: ColumnValues["values"], start: number, end: number): ColumnValues["values"] {
  return values instanceof Array ? values.slice(start, end) : (values as Uint8Array).subarray(start, end);
}

/** All values in order; those of one array are not copied. */
function join(pieces: readonly ColumnValues["values"][]): ColumnValues["values"] {
  if (pieces.length === 1) return pieces[0];
  if (pieces.every((piece) => piece instanceof Array)) return pieces.flat();
  const arrays = pieces as readonly Uint8Array[];
  const Type = arrays[0].constructor as new (length: number) => Uint8Array;
  return joinArrays(arrays, Type);
}

function sizeOf(values: ColumnValues["values"]): number {
  if (!(values instanceof Array)) return (values as Uint8Array).byteLength;
  return values.reduce((bytes, text) => bytes + 2 * text.length + 40, 0);
}
