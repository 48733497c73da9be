/**
 * Encoded images of every kind: a few small files of each format, by the bytes that say how they are to be read.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { fromFileUrl } from "@std/path";
import { decodeImage } from "../../../formats/images/mod.ts";
import { imageSize } from "../../../formats/images/image_size.ts";
import { promise, type Sample, type Target } from "../sample.ts";

const KINDS = fromFileUrl(new URL("../../fixtures/images/kinds/", import.meta.url));

const FILES = [
  "read/tiff_rgb_8_lzw.tif",
  "read/tiff_palette_4_deflate.tif",
  "read/tiff_cmyk_16.tif",
  "read/tiff_ycbcr_21_lzw_levels.tif",
  "read/tiff_jpeg_422_tiles.tif",
  "read/tiff_group4.tif",
  "read/tiff_big.tif",
  "read/jpeg_2x2_progressive.jpg",
  "read/jpeg_cmyk_adobe_2.jpg",
  "read/jpeg_orientation_6.jpg",
  "read/png_palette_2_transparent.png",
  "read/png_grey_alpha_16.png",
  "read/png_orientation_5.png",
  "read/webp_alpha.webp",
  "read/webp_animated.webp",
  "read/webp_orientation_3.webp",
  "near/avif_444.avif",
  "near/avif_orientation_7.avif",
  "read/gif_animated.gif",
  "read/gif_larger_screen.gif",
  "read/bmp_runs_skipped.bmp",
  "read/bmp_half_runs_plain.bmp",
  "read/bmp_32_rgba.bmp",
  "read/bmp_4_os2.bmp",
  "read/pnm_p1_comment.pnm",
  "read/pnm_p2_1000.pnm",
  "read/pnm_p6_65535.pnm",
  "read/pnm_pf.pnm",
];

/** Encoded images. */
export const encodedImages: Target = {
  samples: () =>
    FILES.map((name): Sample => {
      const bytes = Deno.readFileSync(KINDS + name);
      const middle = Math.min(bytes.length, 64);
      const regions = [
        { name: "head", start: 0, end: middle },
        { name: "rest", start: middle, end: bytes.length },
      ].filter(({ start, end }) => start < end);
      return { name: name.replace("/", "-"), bytes, regions, rewrites: [] };
    }),
  async read(path) {
    // The process counts what typed arrays ask for, and sharp knows no others than the engine's own and these.
    const bytes = Buffer.from(Deno.readFileSync(path));
    const decode = async (exifOrientation: boolean) => {
      const { width, height, pixels, orientation = 1 } = await decodeImage(bytes, { exifOrientation });
      promise(pixels.length === width * height * 3, `${pixels.length} bytes are not ${width} x ${height} pixels`);
      promise(orientation >= 1 && orientation <= 8, `an orientation is ${orientation}`);
      const size = imageSize(bytes, { exifOrientation });
      promise(size.width === width && size.height === height, `its header says ${size.width} x ${size.height}`);
      return { width, height, pixels, orientation };
    };
    try {
      const stored = await decode(false);
      return stored.orientation === 1 ? [stored] : [stored, await decode(true)];
    } catch (error) {
      // As whoever knows the file's name says it.
      if (!(error instanceof Error) || !/^Cannot (decode|read)/.test(error.message)) throw error;
      throw new TypeError(`Cannot use image "${path}": ${error.message}`);
    }
  },
};
