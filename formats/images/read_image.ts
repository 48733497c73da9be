/**
 * One image of a source, for programs that take them one by one.
 *
 * @module
 */

import { decodeImage } from "./decode.ts";
import { readImageFile } from "./image_file.ts";
import type { DecodeOptions, StoredImage } from "./image_source.ts";
import type { DecodedImage } from "../base/pixels.ts";

/**
 * Reads and decodes an image, on the thread that asks.
 *
 * @param image The image, as its source gives it.
 * @param options Whether it is turned.
 * @returns The decoded image.
 * @throws {Error} If it cannot be read or decoded; the message is one sentence that names what was found.
 * @throws {Deno.errors.NotSupported} If the decoder is not there for this machine.
 *
 * @example
 * ```ts
 * import { loadAnnotator, openImages, poolLabels, readImage, SAMPLE_ANNOTATOR, SAMPLE_IMAGES } from "./mod.ts";
 *
 * const annotator = await loadAnnotator(SAMPLE_ANNOTATOR, { size: 160 });
 * for await (const stored of (await openImages(SAMPLE_IMAGES)).read({ start: 0, end: 1 })) {
 *   const [map] = await annotator.annotate([await readImage(stored)]);
 *   console.log(stored.key, poolLabels(map, [{ top: 0, left: 0, height: 0.5, width: 0.5 }]).length);
 * }
 * annotator.close();
 * ```
 */
export async function readImage(
  { bytes }: Pick<StoredImage, "bytes">,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  if ("unreadable" in bytes) throw new Error(bytes.unreadable);
  return await decodeImage("path" in bytes ? await readImageFile(bytes) : bytes, options);
}
