/**
 * Record batches: what a message says of one, and its buffers.
 *
 * @module
 */

import { zstdDecompressSync } from "node:zlib";
import { bytesOf } from "../../../base/bytes.ts";
import type { Cache } from "../../cache.ts";
import type { RandomAccessFile } from "../../../base/random_access.ts";
import { CODECS } from "../format.ts";
import type { FlatTable } from "./flatbuffer.ts";
import type { Schema } from "./schema.ts";
import { numberOf } from "../../../base/number_of.ts";

/** A record batch in the file. */
export interface RecordBatch {
  readonly rows: number;
  /** Where its body begins, bytes from the start of the file. */
  readonly body: number;
  readonly isCompressed: boolean;
  readonly nodes: readonly (readonly number[])[];
  /** Offset in the body and length of each buffer. */
  readonly buffers: readonly (readonly number[])[];
}

/**
 * Reads what a message says of a record batch.
 *
 * @param header The message's flatbuffer.
 * @param schema Schema of the file.
 * @param body Where the body begins.
 * @param bodyLength Bytes of the body.
 * @returns The batch.
 * @throws {RangeError} If it contradicts itself or the schema.
 */
export function decodeRecordBatch(header: FlatTable, schema: Schema, body: number, bodyLength: number): RecordBatch {
  const rows = header.int(0, 8);
  const nodes = header.structs(1, 2);
  const buffers = header.structs(2, 2);
  const compression = header.table(3);
  if (!Number.isSafeInteger(rows) || rows < 0) throw new RangeError(`a record batch has ${numberOf(rows, "row")}`);
  if (nodes.length !== schema.nodes || buffers.length !== schema.buffers) {
    throw new RangeError(`a record batch has ${buffers.length} buffers, the schema ${schema.buffers}`);
  }
  for (const [offset, length] of buffers) {
    if (!(offset >= 0 && length >= 0 && offset + length <= bodyLength)) {
      throw new RangeError(`a buffer of ${numberOf(length, "byte")} at ${offset} is not in its body of ${bodyLength}`);
    }
  }
  for (const { node } of schema.columns.values()) {
    if (nodes[node][0] !== rows) {
      throw new RangeError(`a column has ${numberOf(nodes[node][0], "value")} in ${numberOf(rows, "row")}`);
    }
  }
  const codec = compression?.int(0, 1);
  if (codec === CODECS.lz4) {
    throw new RangeError("its buffers are compressed with LZ4: write it without compression or with zstd");
  }
  if (codec !== undefined && codec !== CODECS.zstd) throw new RangeError(`compression codec ${codec} is unknown`);
  return { rows, body, isCompressed: codec !== undefined, nodes, buffers };
}

/** Bytes of a buffer that is decompressed as a whole, at most. */
const MOST_BYTES = 2 ** 28;

/**
 * Reads a part of a buffer; of one that is not compressed, that part alone.
 *
 * @param file The file.
 * @param batch The record batch.
 * @param index Index of the buffer.
 * @param range First byte, and the byte after the last.
 * @param kept Where what was decompressed is kept, and under which name, that of the file and batch.
 * @returns The bytes, in an array of their own.
 * @throws {RangeError} If the buffer does not have them, or is damaged.
 */
export function readBodyBuffer(
  file: RandomAccessFile,
  { body, buffers, isCompressed }: RecordBatch,
  index: number,
  [start, end]: readonly [start: number, end: number],
  { cache, name }: { cache: Cache; name: string },
): Uint8Array<ArrayBuffer> {
  const [offset, length] = buffers[index];
  if (!isCompressed) {
    if (!(start >= 0 && start <= end && end <= length)) throw rangeError(start, end, length);
    return file.read(body + offset + start, end - start);
  }
  const whole = cache.get(
    `${name} ${index}`,
    () => length === 0 ? new Uint8Array(0) : decompress(file.read(body + offset, length)),
    ({ length }) => length,
  );
  if (!(start >= 0 && start <= end && end <= whole.length)) throw rangeError(start, end, whole.length);
  return Uint8Array.from(whole.subarray(start, end));
}

function rangeError(start: number, end: number, length: number): RangeError {
  return new RangeError(`bytes ${start} to ${end} are not in a buffer of ${length}`);
}

/** A compressed buffer begins with its length, 64 bits; -1 says that it is stored as it is. */
function decompress(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  if (bytes.length < 8) throw new RangeError("a compressed buffer has no length");
  const length = Number(new DataView(bytes.buffer).getBigInt64(0, true));
  const content = bytes.subarray(8);
  if (length === -1) return content;
  if (!(length >= 0 && length <= MOST_BYTES)) {
    throw new RangeError(
      `a buffer has ${numberOf(length, "byte")}: write record batches of fewer rows, or without compression`,
    );
  }
  const whole = length === 0 ? new Uint8Array(0) : bytesOf(zstdDecompressSync(content, { maxOutputLength: length }));
  if (whole.length !== length) {
    throw new RangeError(`a buffer has ${numberOf(whole.length, "byte")}, expected ${length}`);
  }
  return whole;
}
