/**
 * A file read from front to back, plain or gzipped: plain files are skipped by seeking.
 *
 * @module
 */

import { unpackGzip } from "./gunzip.ts";
import { concatenate } from "../base/bytes.ts";
import { fillFrom } from "../base/files.ts";

/** Bytes in order. */
export interface ByteStream {
  /** Bytes read or skipped so far (of the unpacked content, if gzipped). */
  readonly position: number;
  /** Whether positions are those of the file, and not of what is packed in it. */
  readonly isPlain: boolean;
  /** The next `length` bytes, fewer only at the end, which are read again afterwards. */
  peek(length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** The next `length` bytes, fewer only at the end. */
  read(length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Passes over `length` bytes and returns how many there were. */
  skip(length: number): Promise<number>;
  close(): void;
}

/** Compressions that tar files come in and that are not read here. */
const OTHER_COMPRESSIONS: readonly [name: string, magic: readonly number[]][] = [
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
];

/**
 * Opens a file as a stream; whether it is gzipped is seen in its content.
 *
 * @param path The file.
 * @returns The stream; close it.
 * @throws {TypeError} If the file is compressed in a way that is not read.
 */
export async function openByteStream(path: string): Promise<ByteStream> {
  const file = await Deno.open(path);
  const head = new Uint8Array(5);
  await file.read(head);
  const other = OTHER_COMPRESSIONS.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  if (other) {
    file.close();
    throw new TypeError(`it is compressed with ${other[0]}, and only gzip is read`);
  }
  await file.seek(0, Deno.SeekMode.Start);
  return head[0] === 0x1f && head[1] === 0x8b ? gzipStream(file) : plainStream(file, (await file.stat()).size);
}

/** Bytes read at once: headers, small members and the headers after them, which stand together, cost one read. */
const READ_AHEAD = 4096;

function plainStream(file: Deno.FsFile, size: number): ByteStream {
  let position = 0;
  let ahead = new Uint8Array();
  let aheadStart = 0;

  /** The bytes from the position on, fewer only if the file has become shorter. */
  async function readHere(length: number): Promise<Uint8Array<ArrayBuffer>> {
    file.seekSync(position, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    const filled = await fillFrom(file, bytes);
    return filled < length ? bytes.slice(0, filled) : bytes;
  }

  return {
    isPlain: true,
    get position() {
      return position;
    },
    async peek(length) {
      const before = position;
      const bytes = await this.read(length);
      position = before;
      return bytes;
    },
    async read(length) {
      const wanted = Math.min(length, size - position);
      let bytes: Uint8Array<ArrayBuffer>;
      if (wanted > READ_AHEAD) bytes = await readHere(wanted);
      else {
        const isAhead = position >= aheadStart && position + wanted <= aheadStart + ahead.length;
        if (!isAhead) {
          ahead = await readHere(Math.min(READ_AHEAD, size - position));
          aheadStart = position;
        }
        bytes = ahead.slice(position - aheadStart, position - aheadStart + wanted);
      }
      position += bytes.length;
      return bytes;
    },
    skip(length) {
      const skipped = Math.min(length, size - position);
      position += skipped;
      return Promise.resolve(skipped);
    },
    close: () => file.close(),
  };
}

/** Bytes that are allocated before the first of them have arrived: a damaged header may claim any length. */
const FIRST_PIECE = 65_536;
/** Bytes that are allocated when those have: what was never written to takes no memory. */
const SECOND_PIECE = 2 ** 28;

function gzipStream(file: Deno.FsFile): ByteStream {
  const unpacked = unpackGzip(file);
  let chunk = new Uint8Array();
  let position = 0;

  async function nextChunk(): Promise<Uint8Array | null> {
    try {
      return await unpacked.next();
    } catch (error) {
      throw new Error(`at byte ${position} of what is unpacked: ${(error as Error).message}`);
    }
  }

  /** Up to `length` bytes of what is unpacked, empty at the end. */
  async function take(length: number): Promise<Uint8Array> {
    while (chunk.length === 0) {
      const next = await nextChunk();
      if (next === null) return chunk;
      chunk = next as Uint8Array<ArrayBuffer>;
    }
    const taken = chunk.subarray(0, length);
    chunk = chunk.subarray(taken.length);
    position += taken.length;
    return taken;
  }

  return {
    isPlain: false,
    get position() {
      return position;
    },
    async peek(length) {
      while (chunk.length < length) {
        const next = await nextChunk();
        if (next === null) break;
        chunk = concatenate([chunk, next]);
      }
      return chunk.slice(0, length);
    },
    async read(length) {
      let bytes = new Uint8Array(Math.min(length, FIRST_PIECE));
      let filled = 0;
      while (filled < length) {
        if (filled === bytes.length) {
          bytes = new Uint8Array(bytes.buffer.transfer(Math.min(length, Math.max(2 * filled, SECOND_PIECE))));
        }
        const part = await take(bytes.length - filled);
        if (part.length === 0) return bytes.slice(0, filled);
        bytes.set(part, filled);
        filled += part.length;
      }
      return bytes;
    },
    async skip(length) {
      let missing = length;
      while (missing > 0) {
        const part = await take(missing);
        if (part.length === 0) break;
        missing -= part.length;
      }
      return length - missing;
    },
    close: unpacked.close,
  };
}
