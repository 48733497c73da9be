/**
 * Arrays in the idx format of MNIST and the data sets that follow it, plain or gzipped.
 *
 * Two bytes of zero, one that says of what type the values are, one for the number of dimensions; the length of each
 * dimension in four bytes, the highest first; then the values, the last dimension fastest
 * (Y. LeCun, C. Cortes and C. Burges, The MNIST database, "The IDX file format").
 *
 * @module
 */

import { concatenate } from "../base/bytes.ts";
import { closing } from "../base/closing.ts";
import { fillFrom, withSubject } from "../base/files.ts";
import { numberOf } from "../base/number_of.ts";
import { unpackGzip } from "./gunzip.ts";

/** An array of bytes. */
export interface IdxArray {
  /** Length of each dimension, the slowest first. */
  readonly shape: readonly number[];
  readonly values: Uint8Array<ArrayBuffer>;
}

/** What the third byte says, of types that are not read. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  0x09: "signed bytes",
  0x0b: "16-bit integers",
  0x0c: "32-bit integers",
  0x0d: "floats",
  0x0e: "doubles",
};
const UNSIGNED_BYTES = 0x08;

/** Bytes of an array at most: more than twenty times MNIST's. */
const MOST_BYTES = 2 ** 30;

/** Bytes of a plain file that are read at once. */
const PIECE = 2 ** 20;

/**
 * Reads an array of unsigned bytes.
 *
 * @param path The file; whether it is gzipped, its first bytes say and not its name.
 * @param dimensions How many dimensions are expected.
 * @returns The array.
 * @throws {TypeError} If the file cannot be unpacked, is no idx file, has values of another type or other dimensions, or
 *   more or fewer bytes than these make.
 * @throws {Error} If it cannot be read.
 */
export async function readIdx(path: string, dimensions: number): Promise<IdxArray> {
  const subject = `Cannot read "${path}"`;
  const file = withSubject(subject, () => Deno.openSync(path));
  const header = 4 + 4 * dimensions;
  const chunks: Uint8Array[] = [];
  let filled = 0;
  let shape: number[] | undefined;
  let length = 0;
  for await (const piece of piecesOf(file, subject)) {
    chunks.push(piece);
    filled += piece.length;
    if (shape === undefined && filled >= header) {
      shape = readShape(concatenate(chunks), dimensions, subject);
      length = header + shape.reduce((product, size) => product * size, 1);
      if (length > MOST_BYTES) {
        throw new TypeError(`${subject}: it says that it has ${shape.join(" x ")} bytes, too many`);
      }
    }
    // No more is unpacked than what was announced.
    if (shape && filled > length) {
      throw new TypeError(`${subject}: it has more bytes than the ${shape.join(" x ")} that it says it has`);
    }
  }
  const bytes = concatenate(chunks);
  if (shape === undefined) {
    readShape(bytes, dimensions, subject);
    throw new TypeError(`${subject}: it ends within its header, after ${numberOf(filled, "byte")}`);
  }
  if (filled < length) {
    throw new TypeError(
      `${subject}: it ends after ${filled - header} of the ${shape.join(" x ")} bytes that it says it has`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}

/** What a header says, as far as it is there. */
function readShape(bytes: Uint8Array, dimensions: number, subject: string): number[] {
  const [first, second, type, count] = bytes;
  if (bytes.length < 4 || first !== 0 || second !== 0 || !(type === UNSIGNED_BYTES || type in OTHER_TYPES)) {
    const begins = bytes.length === 0 ? "it is empty" : `it begins with ${bytes.subarray(0, 4).toHex()}`;
    throw new TypeError(`${subject}: it is no idx file: ${begins}`);
  }
  if (type !== UNSIGNED_BYTES) throw new TypeError(`${subject}: it holds ${OTHER_TYPES[type]}, not unsigned bytes`);
  if (count !== dimensions) {
    throw new TypeError(`${subject}: it has ${numberOf(count, "dimension")}, and ${dimensions} are expected`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const known = Math.min(dimensions, Math.floor((bytes.length - 4) / 4));
  return Array.from({ length: known }, (_, dimension) => view.getUint32(4 + 4 * dimension));
}

/** A file's bytes in order, unpacked where they are gzipped; closes the file. */
async function* piecesOf(file: Deno.FsFile, subject: string): AsyncGenerator<Uint8Array> {
  using opened = new DisposableStack();
  const plain = opened.use(file);
  const magic = new Uint8Array(2);
  const length = await fillFrom(plain, magic);
  await plain.seek(0, Deno.SeekMode.Start);
  if (length < 2 || magic[0] !== 0x1f || magic[1] !== 0x8b) {
    while (true) {
      const piece = new Uint8Array(PIECE);
      const length = await fillFrom(plain, piece);
      if (length === 0) return;
      yield piece.subarray(0, length);
    }
  }
  opened.move();
  using unpacked = closing(unpackGzip(file));
  while (true) {
    let piece: Uint8Array | null;
    try {
      piece = await unpacked.next();
    } catch (error) {
      throw new TypeError(`${subject}: it cannot be unpacked: ${(error as Error).message}`);
    }
    if (piece === null) return;
    yield piece;
  }
}
