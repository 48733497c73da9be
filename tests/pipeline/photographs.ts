/**
 * Small folders of images for tests.
 *
 * @module
 */

import { join } from "@std/path";
import { ROOT } from "./task.ts";

const DECODE = join(ROOT, "tests/fixtures/images/decode");

/** Files that look like images and are none, and what is said of each. */
export const BROKEN = {
  "bad_truncated.jpg": "Cannot decode JPEG of 31 x 23 pixels: it ends early",
  "bad_empty.jpg": "Cannot decode image: it is empty (0 bytes)",
  "bad_text.jpg": 'Cannot decode image: text that begins "This is not the image you are looking fo" ' +
    "is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM",
  "bad_bomb.png": "Cannot decode PNG of 20000 x 20000 pixels: more than 178956970 in all",
} as const;

const WHOLE = ["jpeg_420.jpg", "png_palette.png", "webp_lossy.webp", "gif.gif", "jpeg_cmyk.jpg", "jpeg_grey.jpg"];

/**
 * A folder of two class folders with images of several kinds, every fifth of which cannot be decoded.
 *
 * @param count Images.
 * @returns Its path.
 */
export function mixedFolder(count: number): string {
  const path = Deno.makeTempDirSync();
  const broken = Object.keys(BROKEN);
  for (const name of ["cats", "dogs"]) Deno.mkdirSync(join(path, name));
  for (let index = 0; index < count; index++) {
    const isBroken = index % 5 === 3;
    const file = isBroken ? broken[Math.floor(index / 5) % broken.length] : WHOLE[index % WHOLE.length];
    const folder = index < count / 2 ? "cats" : "dogs";
    Deno.copyFileSync(join(DECODE, file), join(path, folder, `${index}-${file}`));
  }
  return path;
}
