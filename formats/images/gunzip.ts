/**
 * A gzipped file unpacked piece by piece.
 *
 * Node's gunzip, since `DecompressionStream` stops at the first of several gzip members (as pigz and bgzip write), and not
 * piped: of a damaged file, a pipe gives more or less of what comes before the damage by who is faster. Here each piece is
 * unpacked as a whole, and then taken, before the next one is read.
 *
 * @module
 */

import { createGunzip } from "node:zlib";
import { fillFrom } from "../base/files.ts";

/** Bytes that are read at once; they unpack to at most 17 MB. */
const PIECE = 16_384;
/** Bytes that are unpacked at once. */
const CHUNK = 65_536;

/** What is unpacked, in order. */
export interface Unpacked {
  /**
   * The next bytes, null at the end.
   *
   * @throws {Error} If the file is damaged there, or within the next {@linkcode CHUNK} bytes: the same place each time.
   */
  next(): Promise<Uint8Array | null>;
  close(): void;
}

/**
 * Unpacks a file.
 *
 * @param file The file, at its beginning; it is closed with what is unpacked.
 * @returns A stream of what is unpacked.
 */
export function unpackGzip(file: Deno.FsFile): Unpacked {
  const chunks: Uint8Array[] = [];
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let failure: Error | undefined;
  let hasEnded = false;
  let done = () => {};
  gunzip.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  gunzip.on("error", (error: Error) => {
    failure = error;
    done();
  });
  gunzip.on("end", () => {
    hasEnded = true;
    done();
  });

  /** Reads a piece of the file and unpacks it. */
  async function unpack(): Promise<void> {
    const piece = new Uint8Array(PIECE);
    const length = await fillFrom(file, piece);
    await new Promise<void>((resolve) => {
      done = resolve;
      if (length === 0) gunzip.end();
      else gunzip.write(piece.subarray(0, length), () => resolve());
    });
  }

  return {
    async next() {
      while (chunks.length === 0) {
        if (failure) throw failure;
        if (hasEnded) return null;
        await unpack();
      }
      return chunks.shift()!;
    },
    close() {
      gunzip.destroy();
      file.close();
    },
  };
}
