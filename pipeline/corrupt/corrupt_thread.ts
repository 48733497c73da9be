/**
 * A thread that corrupts images and writes them.
 *
 * @module
 */

import { dirname } from "@std/path";
import { makeFolder, writeWhole } from "../../formats/base/files.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { serveThread } from "../../formats/base/thread.ts";
import { encodePng } from "../../formats/images/encode_png.ts";
import { readImageFile } from "../../formats/images/image_file.ts";
import type { FilePlace } from "../../formats/images/image_source.ts";
import { loadDecoder } from "../../formats/images/load_decoder.ts";
import { decodeImage } from "../../formats/images/mod.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { corruptImage, type CorruptionName } from "./corruptions.ts";
import { encodeJpeg } from "./encode.ts";

/** libjpeg's quality of the published images. */
const QUALITY = 85;

/** An image, what to make of it, and how. */
export interface CorruptRequest {
  readonly key: string;
  readonly bytes: FilePlace | Uint8Array<ArrayBuffer>;
  /** Files that are not there yet. */
  readonly files: readonly { readonly path: string; readonly corruption: CorruptionName; readonly severity: number }[];
  readonly seed: number;
  /** Height and width of the middle that is kept, pixels; the whole image if left out. */
  readonly size?: Pair;
  readonly format: "jpeg" | "png";
  readonly exifOrientation: boolean;
}

const functions = {
  /** Corrupts an image; returns why it cannot be decoded, or null. */
  async corrupt({ key, bytes, files, seed, size, format, exifOrientation }: CorruptRequest): Promise<string | null> {
    let image: Pixels;
    try {
      image = await decodeImage(bytes instanceof Uint8Array ? bytes : await readImageFile(bytes), { exifOrientation });
    } catch (error) {
      if (error instanceof Deno.errors.NotSupported) throw error;
      return (error as Error).message;
    }
    if (size !== undefined) image = await middleOf(image, size);
    for (const { path, corruption, severity } of files) {
      const corrupted = await corruptImage(image, { corruption, severity, seed, key });
      const { pixels, width, height } = corrupted;
      const encoded = format === "png"
        ? encodePng(pixels, { width, height, channels: 3 })
        : await encodeJpeg(corrupted, QUALITY);
      makeFolder(dirname(path), `Cannot write "${path}"`);
      writeWhole(path, encoded);
    }
    return null;
  },
};

/** What the thread does. */
export type CorruptFunctions = typeof functions;

/** The middle of an image that is first resized so that 7/8 of it are seen, as the published ones are. */
async function middleOf({ width, height, pixels }: Pixels, [rows, columns]: Pair): Promise<Pixels> {
  const least = [columns, rows].map((length) => Math.floor(length * 256 / 224));
  const scale = Math.max(least[0] / width, least[1] / height);
  const [across, down] = [width, height].map((length, axis) => Math.max(least[axis], Math.trunc(length * scale)));
  const sharp = await loadDecoder();
  const middle = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(across, down, { fit: "fill", kernel: "linear" })
    .extract({
      left: Math.round((across - columns) / 2),
      top: Math.round((down - rows) / 2),
      width: columns,
      height: rows,
    })
    .raw().toBuffer();
  return { width: columns, height: rows, pixels: new Uint8Array(middle) };
}

serveThread(functions);
