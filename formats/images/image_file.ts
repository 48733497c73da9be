/**
 * The bytes of an encoded image, where they are a file or a part of one.
 *
 * @module
 */

import type { FilePlace } from "./source.ts";

/** Bytes; what the native decoder takes at most. */
const LARGEST_FILE = 2 ** 31 - 1;

/**
 * Reads an encoded image.
 *
 * @param place Where it is.
 * @returns Its bytes.
 * @throws {Error} If they cannot be read.
 */
export async function readImageFile({ path, range }: FilePlace): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (range) return await readRange(path, range);
    const { size } = await Deno.stat(path);
    if (size <= LARGEST_FILE) return await Deno.readFile(path);
    throw new RangeError(`${size} bytes are too many for an image`);
  } catch (error) {
    throw new Error(`Cannot read image: ${(error as Error).message}`);
  }
}

async function readRange(
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  return await readPart(file, path, { offset, length });
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
  for (let filled = 0; filled < length;) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) {
      throw new Error(`"${path}" ends at byte ${offset + filled}, before the end of what was to be read`);
    }
    filled += count;
  }
  return bytes;
}
