/**
 * An Arrow IPC file, or stream of messages, that is open for reading. Where nothing is compressed and lists have one
 * length, a row is read without its neighbours.
 *
 * @module
 * @see https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */

import type { Cache } from "../../cache.ts";
import { type Column, type ColumnValues, VALUE_ARRAYS, type ValueType } from "../../columns.ts";
import { fileError, isSystemError } from "../../../base/files.ts";
import type { RandomAccessFile } from "../../../base/random_access.ts";
import { type ColumnSlice, namedReading, type Table } from "../../table.ts";
import { CONTINUATION, HEADERS, MAGIC, VERSION_5 } from "../format.ts";
import { decodeFlatbuffer, type FlatTable } from "./flatbuffer.ts";
import { decodeRecordBatch, readBodyBuffer, type RecordBatch } from "./record_batch.ts";
import { type ArrowColumn, decodeSchema, type Schema } from "./schema.ts";
import { numberOf } from "../../../base/number_of.ts";

/**
 * Opens an Arrow file or stream.
 *
 * @param file The file; closing the table closes it.
 * @param subject How messages start: `Cannot read label map "a.arrow"`.
 * @param cache Keeps decompressed buffers under names that begin with the file's path.
 * @param path Path of the file.
 * @returns The table.
 * @throws {TypeError} If it is not a whole Arrow file.
 */
export function openArrow(file: RandomAccessFile, subject: string, cache: Cache, path: string): Table {
  const { schema, batches } = readBatches(file, subject);

  function read(column: Column, group: number, start: number, end: number): ColumnSlice {
    const found = schema.columns.get(column.name)!;
    const batch = batches[group];
    const kept = { cache, name: `${path} batch ${group}` };
    const buffer = (index: number, from: number, to: number) =>
      readBodyBuffer(file, batch, found.buffer + index, [from, to], kept);
    return readColumn({ column, found, batch, buffer }, start, end);
  }

  return {
    entries: schema.entries,
    columns: schema.columns,
    groups: batches.map(({ rows }) => rows),
    read: namedReading(subject, "record batch", read),
    close: () => file.close(),
  };
}

interface Batches {
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
}

function readBatches(file: RandomAccessFile, subject: string): Batches {
  try {
    if (file.size < 8) throw new RangeError(`it has ${numberOf(file.size, "byte")}`);
    return isMagic(file.read(0, 6)) ? readFile(file) : readStream(file);
  } catch (error) {
    if (isSystemError(error)) throw fileError(subject, error);
    throw new TypeError(`${subject}: it is not a whole Arrow file: ${(error as Error).message}`, { cause: error });
  }
}

function isMagic(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, index) => byte === bytes[index]);
}

/** Finds the record batches of a file by its footer. */
function readFile(file: RandomAccessFile): Batches {
  if (file.size < 22) throw new RangeError(`it has ${numberOf(file.size, "byte")}`);
  const tail = file.read(file.size - 10, 10);
  if (!isMagic(tail.subarray(4))) throw new RangeError('it does not end with "ARROW1"');
  const length = new DataView(tail.buffer).getInt32(0, true);
  const start = file.size - 10 - length;
  if (length < 4 || start < 8) {
    throw new RangeError(`its footer has ${numberOf(length, "byte")}, the file ${file.size}`);
  }
  const footer = decodeFlatbuffer(file.read(start, length));
  const table = footer.table(1);
  if (!table) throw new RangeError("its footer has no schema");
  const schema = decodeSchema(table);
  const batches = footer.structs(3, 3).map(([offset]) => {
    const message = readMessage(file, offset, start);
    if (message?.type !== HEADERS.recordBatch) throw new RangeError(`there is no record batch at byte ${offset}`);
    return decodeRecordBatch(message.header, schema, message.body, message.bodyLength);
  });
  return { schema, batches };
}

/** Finds the record batches of a stream, message by message. */
function readStream(file: RandomAccessFile): Batches {
  let schema: Schema | undefined;
  const batches: RecordBatch[] = [];
  for (let offset = 0; offset < file.size;) {
    const message = readMessage(file, offset, file.size);
    if (!message) break;
    const { type, header, body, bodyLength } = message;
    if (type === HEADERS.schema && !schema) schema = decodeSchema(header);
    else if (type === HEADERS.recordBatch && schema) {
      batches.push(decodeRecordBatch(header, schema, body, bodyLength));
    } else if (type !== HEADERS.dictionaryBatch) throw new RangeError(`message of type ${type} at byte ${offset}`);
    offset = body + bodyLength;
  }
  if (!schema) throw new RangeError("it has no schema");
  return { schema, batches };
}

interface Message {
  readonly type: number;
  readonly header: FlatTable;
  /** Where its body begins. */
  readonly body: number;
  readonly bodyLength: number;
}

/** The message at a place, undefined at the end of a stream. */
function readMessage(file: RandomAccessFile, offset: number, end: number): Message | undefined {
  if (!(offset >= 0 && offset + 8 <= end)) throw new RangeError(`a message at byte ${offset} is cut off`);
  const prefix = new DataView(file.read(offset, 8).buffer);
  if (prefix.getUint32(0, true) !== CONTINUATION) throw new RangeError(`there is no message at byte ${offset}`);
  const length = prefix.getInt32(4, true);
  if (length === 0) return undefined;
  const body = offset + 8 + length;
  if (length < 0 || body > end) {
    throw new RangeError(`a message of ${numberOf(length, "byte")} at ${offset} is cut off`);
  }
  const message = decodeFlatbuffer(file.read(offset + 8, length));
  if (message.int(0, 2) !== VERSION_5) throw new RangeError(`metadata version is ${message.int(0, 2)}, expected 4`);
  const header = message.table(2);
  const bodyLength = message.int(3, 8);
  if (!header) throw new RangeError(`message at byte ${offset} is empty`);
  if (!(bodyLength >= 0 && body + bodyLength <= end)) {
    throw new RangeError(`a body of ${numberOf(bodyLength, "byte")} at ${body} is cut off`);
  }
  return { type: message.int(1, 1), header, body, bodyLength };
}

interface Context {
  readonly column: Column;
  readonly found: ArrowColumn;
  readonly batch: RecordBatch;
  /** Bytes of one of the column's buffers. */
  buffer(index: number, from: number, to: number): Uint8Array<ArrayBuffer>;
}

function readColumn(context: Context, start: number, end: number): ColumnSlice {
  const { column, found: { node, listLength, listOffsets, values }, batch: { nodes }, buffer } = context;
  const { type, hasLongOffsets } = values!;
  const nulls = nodes[node][1];
  if (column.shape !== "list") {
    if (nulls !== 0 && column.shape !== "optional") throw new RangeError("a value is null");
    const slice = { values: readValues(type, hasLongOffsets, buffer, 1, start, end) };
    return nulls === 0
      ? slice
      : { ...slice, present: bits(buffer(0, start >> 3, (end + 7) >> 3), start & 7, end - start) };
  }
  if (nulls !== 0 || nodes[node + 1][1] !== 0) throw new RangeError("a value is null");
  if (!listOffsets) {
    const slice = { values: readValues(type, hasLongOffsets, buffer, 2, start * listLength!, end * listLength!) };
    if (column.listLength !== undefined) return slice;
    return { ...slice, offsets: Array.from({ length: end - start + 1 }, (_, row) => row * listLength!) };
  }
  const offsets = readOffsets(listOffsets === "long", buffer, 1, start, end);
  if (column.listLength !== undefined) checkLengths(offsets, column.listLength, start);
  const slice = { values: readValues(type, hasLongOffsets, buffer, 3, offsets[0], offsets[end - start]) };
  return column.listLength === undefined ? { ...slice, offsets: offsets.map((place) => place - offsets[0]) } : slice;
}

/** Values of a column or of its lists, whose first buffer after that of validity is `index`. */
function readValues(
  type: ValueType,
  hasLongOffsets: boolean,
  buffer: Context["buffer"],
  index: number,
  start: number,
  end: number,
): ColumnValues["values"] {
  if (type !== "utf8") {
    const Values = VALUE_ARRAYS[type];
    const width = Values.BYTES_PER_ELEMENT;
    return new Values(buffer(index, start * width, end * width).buffer);
  }
  const offsets = readOffsets(hasLongOffsets, buffer, index, start, end);
  const text = buffer(index + 1, offsets[0], offsets[end - start]);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return Array.from({ length: end - start }, (_, row) => {
    return decoder.decode(text.subarray(offsets[row] - offsets[0], offsets[row + 1] - offsets[0]));
  });
}

/** Where the lists or texts of some rows begin, and the last one ends. */
function readOffsets(
  isLong: boolean,
  buffer: Context["buffer"],
  index: number,
  start: number,
  end: number,
): ArrayLike<number> & { map(change: (place: number) => number): ArrayLike<number> } {
  const width = isLong ? 8 : 4;
  const bytes = buffer(index, start * width, (end + 1) * width).buffer;
  const offsets = isLong ? Float64Array.from(new BigInt64Array(bytes), Number) : new Int32Array(bytes);
  for (let row = 0; row < end - start; row++) {
    if (!(offsets[row] >= 0 && offsets[row] <= offsets[row + 1])) {
      throw new RangeError(`row ${start + row} begins at ${offsets[row]} and ends at ${offsets[row + 1]}`);
    }
  }
  return offsets;
}

function checkLengths(offsets: ArrayLike<number>, expected: number, start: number): void {
  for (let row = 0; row + 1 < offsets.length; row++) {
    const length = offsets[row + 1] - offsets[row];
    if (length !== expected) {
      throw new RangeError(`row ${start + row} has ${numberOf(length, "value")}, expected ${expected}`);
    }
  }
}

/** Bits as bytes of 0 and 1, the lowest of each byte first. */
function bits(bytes: Uint8Array, start: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => bytes[(start + index) >> 3] >> ((start + index) & 7) & 1);
}
