/**
 * Files that are not on disk as they are: made of pieces of others and of bytes in memory, read as they are sent or written.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileError } from "./files.ts";

/** A part of a file on disk. */
export interface FilePiece {
  readonly path: string;
  /** The first byte of the part, counted in the file. */
  readonly offset: number;
  readonly length: number;
}

/** A file made of pieces. */
export interface PiecedFile {
  /** What it is called, `/`-separated. */
  readonly name: string;
  /** Bytes of all pieces. */
  readonly size: number;
  /** What it is made of, in order. */
  readonly pieces: readonly (FilePiece | Uint8Array)[];
}

/** Bytes that are read at once. */
const BLOCK = 2 ** 20;

/**
 * A file of pieces.
 *
 * @param name What it is called.
 * @param pieces What it is made of: parts of files, bytes, and texts.
 * @returns The file.
 */
export function piecedFile(name: string, pieces: readonly (FilePiece | Uint8Array | string)[]): PiecedFile {
  const encoded = pieces.map((piece) => typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  return { name, size: encoded.reduce((bytes, { length }) => bytes + length, 0), pieces: encoded };
}

/**
 * Reads a stretch of a file.
 *
 * @param file The file.
 * @param start The first byte; default 0.
 * @param end The byte after the last; default the end.
 * @returns The bytes in blocks, each an array of its own.
 * @throws {Error} If a file on disk is gone, or has become shorter.
 */
export async function* readPieces(
  { pieces }: PiecedFile,
  start = 0,
  end = Infinity,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let before = 0;
  for (const piece of pieces) {
    const [from, to] = [Math.max(start - before, 0), Math.min(end - before, piece.length)];
    before += piece.length;
    if (from >= to) continue;
    if (piece instanceof Uint8Array) yield piece.slice(from, to);
    else yield* readPiece({ ...piece, offset: piece.offset + from, length: to - from });
  }
}

async function* readPiece({ path, offset, length }: FilePiece): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    using file = await Deno.open(path);
    await file.seek(offset, Deno.SeekMode.Start);
    for (let left = length; left > 0;) {
      const block = new Uint8Array(Math.min(BLOCK, left));
      const count = await file.read(block);
      if (count === null) throw new Deno.errors.UnexpectedEof(`it ends ${left} bytes early`);
      yield block.subarray(0, count);
      left -= count;
    }
  } catch (error) {
    throw fileError(`Cannot read "${path}"`, error);
  }
}

/**
 * The bytes that a file begins with.
 *
 * @param file The file.
 * @param most How many are wanted, which fit in memory; default all.
 * @returns The file's first bytes.
 */
export async function bytesOfPieces(file: PiecedFile, most = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(Math.min(file.size, most));
  let filled = 0;
  for await (const block of readPieces(file, 0, most)) {
    bytes.set(block, filled);
    filled += block.length;
  }
  return bytes;
}

/**
 * The SHA-256 of a file.
 *
 * @param file The file.
 * @returns The hash, hexadecimal.
 */
export async function sha256OfPieces(file: PiecedFile): Promise<string> {
  const hash = createHash("sha256");
  for await (const block of readPieces(file)) hash.update(block);
  return hash.digest("hex");
}
