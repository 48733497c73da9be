/**
 * Variables of a MATLAB 5 file (`-v6`, `-v7`): numbers, texts, cells and structs, which is what lists of annotations are
 * made of. Arrays of other kinds are told by their class and not read.
 *
 * A file is a header of 128 bytes and elements. An element is a tag of 8 bytes, type and length, and its data; up to 4 bytes
 * of data may stand in the tag. An array is an element of elements: flags, dimensions, name, and what its class has. With
 * `-v7` each array is compressed by itself. Numbers are little-endian, as all that writes these files today has them. ("MAT-File Format", The MathWorks, R2024a, chapter 1.)
 *
 * @module
 */

import { inflateSync } from "node:zlib";
import { failWith } from "../../base/files.ts";
import { showValue } from "../../base/show_value.ts";

/** A variable, or a part of one. */
export type MatValue =
  | { readonly kind: "numbers"; readonly values: readonly number[] }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "cells"; readonly cells: readonly MatValue[] }
  | { readonly kind: "structs"; readonly elements: readonly Readonly<Record<string, MatValue>>[] }
  | { readonly kind: "other"; readonly classNumber: number };

/** Bytes of a file, and of what one of its elements is unpacked to. */
const MOST_BYTES = 2 ** 25;
/** Arrays in arrays. */
const MOST_DEPTH = 16;

const HEADER = 128;
const TAG = 8;

const MATRIX = 14;
const COMPRESSED = 15;

/** Classes of arrays. */
const CELL = 1;
const STRUCT = 2;
const CHAR = 4;
const FIRST_NUMERIC = 6;
const LAST_NUMERIC = 15;

/** How numbers are stored, by type: their bytes, and how one is read. */
const NUMBER_TYPES: Readonly<
  Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>
> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getUint32(at, true)],
  7: [4, (view, at) => view.getFloat32(at, true)],
  9: [8, (view, at) => view.getFloat64(at, true)],
  12: [8, (view, at) => Number(view.getBigInt64(at, true))],
  13: [8, (view, at) => Number(view.getBigUint64(at, true))],
};

/** Types of text that are UTF-8; those of NUMBER_TYPES with 1 or 2 bytes are code units. */
const UTF8 = 16;
const UTF16 = 17;

/** Bytes, and the numbers in them. */
interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

/** An element: its data are from `start` to before `end`. */
interface Element {
  readonly type: number;
  readonly start: number;
  readonly end: number;
  /** Where the next one begins. */
  readonly next: number;
}

/**
 * Reads a file.
 *
 * @param path The file.
 * @returns Its variables by name.
 * @throws {Deno.errors.NotFound} If there is none.
 * @throws {TypeError} If it is no such file, damaged, or larger than 32 MiB.
 */
export async function readMatFile(path: string): Promise<ReadonlyMap<string, MatValue>> {
  const subject = `Cannot read "${path}"`;
  const { size } = await Deno.stat(path).catch(failWith(subject));
  if (size > MOST_BYTES) throw new TypeError(`${subject}: it has ${size} bytes, at most ${MOST_BYTES} are read`);
  const bytes = await Deno.readFile(path).catch(failWith(subject));
  try {
    return parseMatFile(bytes);
  } catch (error) {
    throw new TypeError(`${subject}: ${(error as Error).message}`);
  }
}

function parseMatFile(bytes: Uint8Array<ArrayBuffer>): Map<string, MatValue> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = String.fromCharCode(...bytes.subarray(HEADER - 2, HEADER));
  if (mark === "MI") throw new TypeError("its numbers are big-endian, which are not read");
  if (mark !== "IM") throw new TypeError("it is no MATLAB 5 file, whose header ends with IM");
  const version = view.getUint16(HEADER - 4, true);
  if (version !== 0x0100) {
    const hint = version === 0x0200 ? ", which is HDF5: save it with -v7" : "";
    throw new TypeError(`its version is 0x${version.toString(16).padStart(4, "0")}, expected 0x0100${hint}`);
  }
  const variables = new Map<string, MatValue>();
  const file = { bytes, view };
  for (let at = HEADER; at < bytes.length;) {
    const element = readTag(file, at, bytes.length);
    const { name, value } = element.type === COMPRESSED
      ? unpackArray(file, element)
      : readArray(file, expectType(element, MATRIX, "an array"), 0);
    variables.set(name, value);
    at = element.next;
  }
  return variables;
}

function unpackArray({ bytes }: Stored, { start, end }: Element): { name: string; value: MatValue } {
  let unpacked: Uint8Array<ArrayBuffer>;
  try {
    unpacked = Uint8Array.from(inflateSync(bytes.subarray(start, end), { maxOutputLength: MOST_BYTES }));
  } catch (error) {
    throw new TypeError(`the array at byte ${start} cannot be unpacked: ${(error as Error).message}`);
  }
  const stored = { bytes: unpacked, view: new DataView(unpacked.buffer) };
  return readArray(stored, expectType(readTag(stored, 0, unpacked.length), MATRIX, "an array"), 0);
}

function readTag({ view }: Stored, at: number, end: number): Element {
  if (at + TAG > end) {
    throw new TypeError(`an element at byte ${at} has ${Math.max(end - at, 0)} bytes left for its tag`);
  }
  const first = view.getUint32(at, true);
  const short = first >>> 16;
  const [type, length, start] = short > 0
    ? [first & 0xffff, short, at + 4]
    : [first, view.getUint32(at + 4, true), at + TAG];
  if (short > 4 || start + length > end) {
    throw new TypeError(`an element at byte ${at} has ${length} bytes, more than the ${end - start} left`);
  }
  // Elements begin at multiples of 8, except after a compressed one.
  const padded = type === COMPRESSED ? start + length : at + Math.ceil((start + length - at) / 8) * 8;
  return { type, start, end: start + length, next: Math.min(padded, end) };
}

function expectType(element: Element, type: number, what: string): Element {
  if (element.type === type) return element;
  throw new TypeError(`the element at byte ${element.start} is of type ${element.type}, expected ${type} of ${what}`);
}

function readArray(stored: Stored, { start, end }: Element, depth: number): { name: string; value: MatValue } {
  // An empty array, as a cell that was never set, has nothing at all.
  if (start === end) return { name: "", value: { kind: "numbers", values: [] } };
  if (depth > MOST_DEPTH) throw new TypeError(`arrays are in each other more than ${MOST_DEPTH} deep`);
  const flags = readTag(stored, start, end);
  const dimensions = readTag(stored, flags.next, end);
  const name = readTag(stored, dimensions.next, end);
  const classNumber = readNumbers(stored, flags)[0] & 0xff;
  const sizes = readNumbers(stored, dimensions);
  const count = sizes.reduce((product, size) => product * size, 1);
  if (sizes.length < 2 || sizes.some((size) => size < 0) || !Number.isSafeInteger(count)) {
    throw new TypeError(`the array at byte ${start} has the dimensions ${showValue(sizes)}`);
  }
  const body = { at: name.next, end, count, depth };
  return { name: readText(stored, name), value: readValue(stored, classNumber, body) };
}

/** What follows an array's name. */
interface Body {
  readonly at: number;
  readonly end: number;
  /** Elements of the array. */
  readonly count: number;
  readonly depth: number;
}

function readValue(stored: Stored, classNumber: number, body: Body): MatValue {
  const { at, end, count } = body;
  if (classNumber === CELL) return { kind: "cells", cells: readArrays(stored, body, count) };
  if (classNumber === STRUCT) return readStructs(stored, body);
  if (classNumber === CHAR) {
    return { kind: "text", text: count === 0 ? "" : readText(stored, readTag(stored, at, end)) };
  }
  if (classNumber >= FIRST_NUMERIC && classNumber <= LAST_NUMERIC) {
    const values = count === 0 ? [] : readNumbers(stored, readTag(stored, at, end));
    if (values.length !== count) throw new TypeError(`an array of ${count} has ${values.length} numbers at byte ${at}`);
    return { kind: "numbers", values };
  }
  return { kind: "other", classNumber };
}

/** Arrays one after the other. */
function readArrays(stored: Stored, { at, end, depth }: Body, count: number): MatValue[] {
  if (count * TAG > end - at) throw new TypeError(`${count} arrays cannot be in the ${end - at} bytes at byte ${at}`);
  let next = at;
  return Array.from({ length: count }, () => {
    const element = expectType(readTag(stored, next, end), MATRIX, "an array");
    next = element.next;
    return readArray(stored, element, depth + 1).value;
  });
}

function readStructs(stored: Stored, body: Body): MatValue {
  const { at, end, count } = body;
  const width = readTag(stored, at, end);
  const names = readTag(stored, width.next, end);
  const [length = 0] = readNumbers(stored, width);
  const bytes = names.end - names.start;
  if (bytes > 0 && (length < 1 || bytes % length !== 0)) {
    throw new TypeError(`names of fields at byte ${names.start} are ${bytes} bytes, of ${length} each`);
  }
  const text = readText(stored, names);
  const fields = Array.from(
    { length: bytes / Math.max(length, 1) },
    (_, field) => text.slice(field * length, (field + 1) * length).split("\0", 1)[0],
  );
  const values = readArrays(stored, { ...body, at: names.next }, count * fields.length);
  const elements = Array.from(
    { length: fields.length > 0 ? count : 0 },
    (_, element) => Object.fromEntries(fields.map((field, place) => [field, values[element * fields.length + place]])),
  );
  return { kind: "structs", elements };
}

function readNumbers({ view }: Stored, { type, start, end }: Element): number[] {
  const [bytes, read] = Object.hasOwn(NUMBER_TYPES, type) ? NUMBER_TYPES[type] : [0];
  if (read === undefined) {
    throw new TypeError(`the numbers at byte ${start} are of type ${type}, which is none of numbers`);
  }
  return Array.from(
    { length: Math.floor((end - start) / bytes) },
    (_, index) => read(view, start + index * bytes),
  );
}

function readText(stored: Stored, { type, start, end, next }: Element): string {
  if (type === UTF8) return new TextDecoder().decode(stored.bytes.subarray(start, end));
  const units = readNumbers(stored, { type: type === UTF16 ? 4 : type, start, end, next });
  return units.map((unit) => String.fromCharCode(unit)).join("");
}
