/**
 * Small pictures of images for a page, and no more of them than it has room for.
 *
 * @module
 */

import { imageSize } from "../../formats/images/image_size.ts";
import type { ImageReader } from "../pictures/image_reader.ts";
import { withoutFolders } from "./private_paths.ts";
import { thumbnail } from "../pictures/thumbnail.ts";

/** A picture, or why there is none. */
export type Picture =
  | { readonly url: string; readonly width: number; readonly height: number }
  | { readonly reason: string };

/** What makes pictures for one page. */
export interface PictureMaker {
  /** A picture of an image, its longer side at most so many pixels. */
  of(key: string, side: number): Promise<Picture>;
  /** A PNG as a picture. */
  png(bytes: Uint8Array, size: { readonly width: number; readonly height: number }): Picture;
}

/** Characters of pictures on a page, so that with all that is written it stays below five million. */
const ROOM = 4_000_000;

const NO_ROOM = "It is left out to keep this page small";

/**
 * Prepares to make pictures.
 *
 * @param reader The images.
 * @param options `room`: characters that all of them may take; `exifOrientation`: whether images are turned; `type`: how
 * they are encoded.
 * @returns A function that makes them; what does not fit any more is left out, for that reason.
 */
export function pictureMaker(
  reader: Pick<ImageReader, "read">,
  { room = ROOM, exifOrientation = false, type = "webp" }: {
    readonly room?: number;
    readonly exifOrientation?: boolean;
    readonly type?: "webp" | "jpeg";
  } = {},
): PictureMaker {
  let left = room;

  function place(type: string, bytes: Uint8Array, size: { readonly width: number; readonly height: number }): Picture {
    const url = `data:${type};base64,${bytes.toBase64()}`;
    if (url.length > left) return { reason: NO_ROOM };
    left -= url.length;
    return { url, ...size };
  }

  return {
    async of(key, side) {
      try {
        const bytes = await thumbnail(await reader.read(key), { side, exifOrientation, type });
        return place(`image/${type}`, bytes, imageSize(bytes));
      } catch (error) {
        // Without the decoder there are no pictures at all, and that is no fault of the image.
        if (error instanceof Deno.errors.NotSupported) throw error;
        return { reason: withoutFolders((error as Error).message) };
      }
    },
    png: (bytes, size) => place("image/png", bytes, size),
  };
}
