/**
 * Compressed pages. A page's size is a claim of its header: what could never become so many bytes is refused before they
 * are allocated, and what becomes fewer or more is refused too.
 *
 * @module
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */

import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { bytesOf } from "../../../base/bytes.ts";
import { CODECS } from "../format.ts";
import { numberOf } from "../../../base/number_of.ts";

/** Bytes that a byte of Snappy becomes at most: copies take three and give 64. */
const SNAPPY_EXPANSION = 22;
/** How many times as many bytes LZ4 can give, whose lengths grow by 255 per byte. */
const LZ4_EXPANSION = 255;
/** Bytes that zlib takes at least for what it unpacks. */
const SMALLEST_CHUNK = 64;

/**
 * Decompresses a page.
 *
 * @param bytes What is stored.
 * @param codec Parquet's number.
 * @param size Bytes that its header says.
 * @returns The page's bytes; those given, where they are not compressed.
 * @throws {RangeError} If they are damaged, another number, or compressed in a way that is not read here.
 */
export function decompress(bytes: Uint8Array, codec: number, size: number): Uint8Array {
  const content = decompressed(bytes, codec, size);
  if (content.length !== size) {
    throw new RangeError(`a page has ${numberOf(content.length, "byte")}, its header says ${size}`);
  }
  return content;
}

function decompressed(bytes: Uint8Array, codec: number, size: number): Uint8Array {
  if (codec === CODECS.UNCOMPRESSED) return bytes;
  if (size === 0) return new Uint8Array(0);
  switch (codec) {
    case CODECS.SNAPPY:
      return decompressSnappy(bytes, size);
    case CODECS.LZ4:
      return decompressHadoopLz4(bytes, size) ?? decompressLz4(bytes, size);
    case CODECS.LZ4_RAW:
      return decompressLz4(bytes, size);
    case CODECS.ZSTD:
      return unpack("Zstandard", zstdDecompressSync, bytes, size);
    case CODECS.GZIP:
      return unpack("gzip", gunzipSync, bytes, size);
    case CODECS.BROTLI:
      return unpack("Brotli", brotliDecompressSync, bytes, size);
    default:
      throw new RangeError(`compression codec ${codec} is not read here`);
  }
}

/** What Node's decompressors have in common, in every version of its types. */
type Decompressor = (bytes: Uint8Array, limits: { maxOutputLength: number; chunkSize: number }) => Uint8Array;

function unpack(name: string, run: Decompressor, bytes: Uint8Array, size: number): Uint8Array {
  try {
    // In one chunk, which is not full at the end: several are joined, and take twice the memory.
    return bytesOf(run(bytes, { maxOutputLength: size, chunkSize: Math.max(size + 1, SMALLEST_CHUNK) }));
  } catch {
    throw new RangeError(`a page is not the ${name} that its header says`);
  }
}

function allocate(bytes: Uint8Array, size: number, expansion: number): Uint8Array {
  if (size > bytes.length * expansion) {
    throw new RangeError(`a page of ${numberOf(bytes.length, "byte")} cannot become the ${size} that its header says`);
  }
  return new Uint8Array(size);
}

/** A run of bytes that were written before, as far back as `distance`, which may be less than its length. */
function copyWithin(content: Uint8Array, to: number, distance: number, length: number): void {
  if (distance === 0 || distance > to) throw new RangeError("a compressed page refers to what is before its beginning");
  if (to + length > content.length) throw new RangeError("a compressed page is longer than its header says");
  if (distance >= length) content.copyWithin(to, to - distance, to - distance + length);
  else for (let index = to; index < to + length; index++) content[index] = content[index - distance];
}

function copyLiteral(bytes: Uint8Array, from: number, content: Uint8Array, to: number, length: number): void {
  if (from + length > bytes.length) throw new RangeError("a compressed page ends too early");
  if (to + length > content.length) throw new RangeError("a compressed page is longer than its header says");
  content.set(bytes.subarray(from, from + length), to);
}

function decompressSnappy(bytes: Uint8Array, size: number): Uint8Array {
  let from = 0;
  let claimed = 0;
  for (let scale = 1;; scale *= 128) {
    if (from >= bytes.length || from >= 5) throw new RangeError("a compressed page has no length");
    const byte = bytes[from++];
    claimed += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (claimed !== size) throw new RangeError(`a page has ${numberOf(claimed, "byte")}, its header says ${size}`);
  const content = allocate(bytes, size, SNAPPY_EXPANSION);
  const number = (width: number): number => {
    if (from + width > bytes.length) throw new RangeError("a compressed page ends too early");
    let value = 0;
    for (let index = 0; index < width; index++) value += bytes[from++] * 2 ** (8 * index);
    return value;
  };
  let to = 0;
  while (from < bytes.length) {
    const tag = bytes[from++];
    const kind = tag & 3;
    if (kind === 0) {
      const length = (tag < 240 ? tag >> 2 : number((tag >> 2) - 59)) + 1;
      copyLiteral(bytes, from, content, to, length);
      from += length;
      to += length;
    } else {
      const length = kind === 1 ? (tag >> 2 & 7) + 4 : (tag >> 2) + 1;
      const distance = kind === 1 ? (tag >> 5) * 256 + number(1) : number(kind === 2 ? 2 : 4);
      copyWithin(content, to, distance, length);
      to += length;
    }
  }
  return content.subarray(0, to);
}

function decompressLz4(bytes: Uint8Array, size: number): Uint8Array {
  const content = allocate(bytes, size, LZ4_EXPANSION);
  return content.subarray(0, unpackLz4(bytes, content));
}

/** Unpacks a block and returns how many bytes it has. */
function unpackLz4(bytes: Uint8Array, content: Uint8Array): number {
  let from = 0;
  let to = 0;
  const next = (): number => {
    if (from >= bytes.length) throw new RangeError("a compressed page ends too early");
    return bytes[from++];
  };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255;) length += byte = next();
    }
    return length;
  };
  while (true) {
    const token = next();
    const literal = lengthOf(token >> 4);
    copyLiteral(bytes, from, content, to, literal);
    from += literal;
    to += literal;
    // The last sequence is a literal alone.
    if (from === bytes.length) return to;
    const distance = next() + 256 * next();
    const length = lengthOf(token & 15) + 4;
    copyWithin(content, to, distance, length);
    to += length;
  }
}

/** Blocks with their sizes before them, as Hadoop writes what the format calls LZ4; undefined if it is not that. */
function decompressHadoopLz4(bytes: Uint8Array, size: number): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let total = 0;
  for (let from = 0; from < bytes.length;) {
    if (from + 8 > bytes.length) return undefined;
    total += view.getUint32(from);
    from += 8 + view.getUint32(from + 4);
    if (total > size || from > bytes.length) return undefined;
  }
  if (total !== size) return undefined;
  const content = allocate(bytes, size, LZ4_EXPANSION);
  for (let from = 0, to = 0; from < bytes.length;) {
    const [unpacked, packed] = [view.getUint32(from), view.getUint32(from + 4)];
    from += 8;
    const length = unpackLz4(bytes.subarray(from, from + packed), content.subarray(to, to + unpacked));
    if (length !== unpacked) throw new RangeError(`a page has ${numberOf(length, "byte")} where ${unpacked} are said`);
    from += packed;
    to += unpacked;
  }
  return content;
}
