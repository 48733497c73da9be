/**
 * The bytes of an encoded image, where they are a file or a part of one.
 *
 * @module
 */

import { imageFormat } from "./image_format.ts";
import type { FilePlace } from "./image_source.ts";
import { fillFrom } from "../base/files.ts";

/** Bytes that an encoded image may have, in a file of its own or in any other: each one is in memory as a whole. */
export const LARGEST_IMAGE_FILE = 2 ** 28;

/** First bytes that show whether something is an image. */
const HEAD = 512;
/** Bytes of what is read without a look at its first ones. */
const SMALL = 65_536;

/**
 * Why an encoded image is not to be read, by its size and its first bytes.
 *
 * @param size The image's size in bytes.
 * @param head Reads as many of its first bytes as it is asked for; not called for a small one.
 * @returns The reason, undefined if there is none.
 */
export async function refusalOf(
  size: number,
  head: (length: number) => Promise<Uint8Array>,
): Promise<string | undefined> {
  if (size > LARGEST_IMAGE_FILE) {
    return `Cannot read image: it has ${size.toLocaleString("en-US")} bytes, and an encoded image may have ` +
      LARGEST_IMAGE_FILE.toLocaleString("en-US");
  }
  if (size <= SMALL) return undefined;
  const first = await head(HEAD);
  try {
    imageFormat(first, size);
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Reads an encoded image. Of a large one that is none, only the first bytes are read.
 *
 * @param place The file, and the part of it that is the image.
 * @param onSize Called with the number of its bytes before room is made for them.
 * @returns The encoded image.
 * @throws {Error} If they cannot be read, are too many, or are none of an image.
 */
export async function readImageFile(
  { path, range }: FilePlace,
  onSize?: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  let refusal: string | undefined;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new TypeError(`"${path}" is no file`); // to open a pipe waits for its writer
    using file = await Deno.open(path);
    const { offset, length } = range ?? { offset: 0, length: size };
    refusal = await refusalOf(length, (length) => readPart(file, path, { offset, length }));
    if (refusal === undefined) {
      onSize?.(length);
      return await readPart(file, path, { offset, length });
    }
  } catch (error) {
    throw new Error(`Cannot read image: ${(error as Error).message}`);
  }
  throw new Error(refusal);
}

/**
 * Reads a part of an open file.
 *
 * @param file The file.
 * @param path Its name, for the message.
 * @param range First byte and number of bytes.
 * @returns The bytes.
 * @throws {Error} If the file ends before them.
 */
export async function readPart(
  file: Deno.FsFile,
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Uint8Array<ArrayBuffer>> {
  await file.seek(offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  const filled = await fillFrom(file, bytes);
  if (filled < length) {
    throw new Error(`"${path}" ends at byte ${offset + filled}, before the end of what was to be read`);
  }
  return bytes;
}
