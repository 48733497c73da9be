/**
 * A file read by offset, so that a checkpoint larger than memory can be opened.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { failWith, fileError, readInto, unreadable } from "./files.ts";
import { numberOf } from "./number_of.ts";

/** An open file. */
export interface ByteSource {
  /** Its path, for messages. */
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /**
   * Reads bytes.
   *
   * @param offset First byte.
   * @param length Number of bytes.
   * @returns Exactly `length` bytes.
   * @throws {Deno.errors.UnexpectedEof} If the file ends before.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  /** Closes the file. */
  close(): void;
}

/**
 * Opens a file for reading by offset.
 *
 * Reads are synchronous: seek and read may not interleave with another read, and a tensor is a few megabytes.
 *
 * @param path The file.
 * @returns The open file.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export async function openBytes(path: string): Promise<ByteSource> {
  const file = await Deno.open(path).catch(failWith(`Cannot read "${path}"`, "there is no such file"));
  const { size, isDirectory } = await file.stat();
  if (isDirectory) {
    file.close();
    throw unreadable(path, "it is a folder");
  }
  return {
    path,
    size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      file.seekSync(offset, Deno.SeekMode.Start);
      const filled = readInto(file, bytes);
      if (filled < length) throw early(path, offset + filled, length - filled);
      return bytes;
    },
    close: () => file.close(),
  };
}

/**
 * A file whose bytes are in memory already: for a small file one read is many times faster than opening it.
 *
 * @param path Its path, for messages.
 * @param bytes The file's bytes.
 * @returns The source; there is nothing to close.
 */
export function sourceOfBytes(path: string, bytes: Uint8Array): ByteSource {
  return {
    path,
    size: bytes.length,
    read(offset, length) {
      if (offset + length > bytes.length) {
        throw early(path, bytes.length, offset + length - bytes.length);
      }
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
    close() {},
  };
}

function early(path: string, end: number, missing: number): Error {
  return new Deno.errors.UnexpectedEof(
    `Cannot read "${path}": it ends at byte ${end}, ${numberOf(missing, "byte")} early`,
  );
}

/**
 * Computes the SHA-256 of a whole file, in pieces.
 *
 * @param path The file.
 * @returns The hash in hexadecimal.
 */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    const file = await Deno.open(path);
    for await (const chunk of file.readable) hash.update(chunk);
  } catch (error) {
    throw fileError(`Cannot read "${path}"`, error);
  }
  return hash.digest("hex");
}
