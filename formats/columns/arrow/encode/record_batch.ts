/**
 * A record batch: a group of rows as flat buffers, and a header that says where each begins.
 *
 * Buffers are not compressed. With lists of one length each, a row's map then stands where arithmetic says it is, and can
 * be read without its neighbours.
 *
 * @module
 * @see https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message
 */

import { bytesOf, concatenate } from "../../../base/bytes.ts";
import type { Column, ColumnValues, PlacedColumn } from "../../columns.ts";
import { HEADERS } from "../format.ts";
import { int64, structs } from "./flatbuffer.ts";
import { encodeMessage } from "./message.ts";

/** A record batch as bytes. */
export interface EncodedBatch {
  readonly message: Uint8Array;
  readonly bodyLength: number;
  /** The body, buffer by buffer, each a multiple of 8 bytes. */
  readonly body: readonly Uint8Array[];
}

/**
 * Encodes a group of rows.
 *
 * @param columns The columns, in order.
 * @param values Values of each column.
 * @param rows Number of rows.
 * @returns The message and its body.
 */
export function encodeRecordBatch(
  columns: readonly Column[],
  values: readonly PlacedColumn[],
  rows: number,
): EncodedBatch {
  const nodes: [length: number, nulls: number][] = [];
  const buffers: Uint8Array[] = [];
  values.forEach((column, index) => pushColumn(columns[index], column, rows, nodes, buffers));
  const places: [offset: number, length: number][] = [];
  const body: Uint8Array[] = [];
  let offset = 0;
  for (const buffer of buffers) {
    places.push([offset, buffer.length]);
    const padding = -buffer.length & 7;
    body.push(buffer, new Uint8Array(padding));
    offset += buffer.length + padding;
  }
  const header = { 0: int64(rows), 1: structs(nodes), 2: structs(places) };
  return { message: encodeMessage(HEADERS.recordBatch, header, offset), bodyLength: offset, body };
}

/** Bit maps of validity are empty where nothing is null. */
const ALL_VALID = new Uint8Array(0);

function pushColumn(
  { shape, listLength }: Column,
  column: PlacedColumn,
  rows: number,
  nodes: [number, number][],
  buffers: Uint8Array[],
): void {
  const { present, lengths } = column.placement ?? {};
  const nulls = present ? present.filter((there) => !there).length : 0;
  nodes.push([rows, nulls]);
  buffers.push(present && nulls > 0 ? validity(present) : ALL_VALID);
  if (shape === "list") {
    if (listLength === undefined) buffers.push(bytesOf(offsets(lengths!)));
    nodes.push([column.values.length, 0]);
    buffers.push(ALL_VALID);
  }
  if (column.type === "utf8") {
    const texts = column.values.map((value) => new TextEncoder().encode(value));
    buffers.push(bytesOf(offsets(texts.map(({ length }) => length))), concatenate(texts));
  } else {
    buffers.push(present ? spread(column, present) : bytesOf(column.values));
  }
}

/** Where each list or text begins, and the last one ends. */
function offsets(lengths: readonly number[]): Int32Array {
  const places = new Int32Array(lengths.length + 1);
  lengths.forEach((length, index) => places[index + 1] = places[index] + length);
  return places;
}

/** A bit for each row, the lowest of each byte first. */
function validity(present: readonly boolean[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(present.length / 8));
  present.forEach((there, index) => bits[index >> 3] |= there ? 1 << (index & 7) : 0);
  return bits;
}

/** The values at their rows, zeros where there is none. */
function spread({ values }: Exclude<ColumnValues, { type: "utf8" }>, present: readonly boolean[]): Uint8Array {
  const Type = values.constructor as new (length: number) => typeof values;
  const whole = new Type(present.length);
  let next = 0;
  present.forEach((there, index) => {
    if (there) whole[index] = values[next++];
  });
  return bytesOf(whole);
}
