/**
 * Encoded images to RGB pixels, by the rule of torchvision's default loader: Pillow's `Image.open(f).convert("RGB")`.
 *
 * - The EXIF orientation is ignored, except in TIFF, where Pillow applies it. Colour profiles and gamma are ignored.
 * - Alpha is dropped, not blended: a transparent pixel shows the colour stored under it.
 * - Grey is repeated, palettes are expanded, CMYK and YCCK become `(255 - C) (255 - K) / 255`, and so on for M and Y.
 * - 16-bit colour and 16-bit grey with alpha keep their high byte. 16-bit grey without alpha is cut off at 255, which
 *   makes most such images white: that is what Pillow does, and so what a training with that loader sees.
 * - Of an animation the first frame, of a TIFF the first page.
 * - A truncated file is an error; trailing bytes and damage that the format's decoder only warns of are not.
 *
 * JPEG, PNG, WebP and TIFF are decoded by libvips (sharp); GIF, BMP and PNM here. Against Pillow 13.0
 * (libjpeg-turbo 3.2) every pixel of every fixture in `tests/fixtures/images` and of the sample photographs is equal.
 * What Pillow reads and this refuses: run-length coded BMP, bit maps and text in PNM, TIFF samples that are not 8 or 16
 * bits, and formats that are not in {@linkcode imageFormat}'s list.
 *
 * @module
 */

import { decodeBmp } from "./bmp.ts";
import { decodeGif } from "./gif.ts";
import { type ImageFormat, imageFormat } from "./image_format.ts";
import { checkSize, type DecodedImage } from "./pixels.ts";
import { decodePnm } from "./pnm.ts";

export type { DecodedImage };

/**
 * Decodes an image.
 *
 * @param bytes The encoded image; what it is, its content says.
 * @returns Its pixels.
 * @throws {Error} If it cannot be decoded; the message is one sentence that names what was found.
 * @throws {Deno.errors.NotSupported} If the decoder is not there for this machine.
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  const format = imageFormat(bytes);
  if (format === "BMP") return decodeBmp(bytes);
  if (format === "PNM") return decodePnm(bytes);
  if (format === "GIF") return decodeGif(bytes);
  if (format === "PNG") checkPngHeader(bytes);
  return await decodeWithVips(bytes, format);
}

type Sharp = typeof import("sharp").default;
let library: Promise<Sharp> | undefined;

/**
 * Loads the native decoder, once.
 *
 * @returns sharp.
 * @throws {Deno.errors.NotSupported} If there is none for this machine, or it may not be loaded.
 */
export function loadDecoder(): Promise<Sharp> {
  return library ??= import("sharp").then(({ default: sharp }) => {
    // Workers are the parallelism; and no image is decoded twice.
    sharp.concurrency(1);
    sharp.cache(false);
    return sharp;
  }, (error) => {
    const reason = String((error as Error).message).split("\n").find((line) => line.trim() !== "") ?? "";
    throw new Deno.errors.NotSupported(
      `Cannot load the image decoder sharp on ${Deno.build.os} ${Deno.build.arch} (${reason.trim()}): ` +
        "it needs --allow-ffi, --allow-env, and npm's optional package @img/sharp for this system",
    );
  });
}

async function decodeWithVips(bytes: Uint8Array, format: ImageFormat): Promise<DecodedImage> {
  const sharp = await loadDecoder();
  let found = "";
  /**
   * What libvips says of an error is in a buffer that all threads share, where others may wipe or mix it: what is said of
   * an image would depend on what is decoded beside it. So what failed is found in the bytes.
   */
  const read = <T>(result: Promise<T>) =>
    result.catch(() => {
      throw new Error(`Cannot decode ${format}${found}: ${damage(bytes, format)}`);
    });
  const refuse = (reason: string) => new Error(`Cannot decode ${format}${found}: ${reason}`);
  // libtiff reports an early end as any other error.
  const failOn = format === "TIFF" ? "error" : "truncated";
  const image = sharp(bytes, { failOn, ignoreIcc: true, limitInputPixels: false });
  const { width, height, space, depth, orientation = 1 } = await read(image.metadata());
  found = ` of ${width} x ${height} pixels`;
  checkSize(format, width, height);
  if (depth !== "uchar" && depth !== "ushort") throw refuse(`its samples are of type ${depth}`);
  if (format === "TIFF" && orientation !== 1) image.autoOrient();
  if (space === "cmyk") {
    const { data, info } = await read(
      image.pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth: "uchar" })
        .toBuffer({ resolveWithObject: true }),
    );
    return { width: info.width, height: info.height, pixels: cmykToRgb(data, info.channels) };
  }
  if (space === "grey16" && !isGreyAlphaPng(bytes, format)) {
    const { data, info } = await read(
      image.pipelineColourspace("grey16").removeAlpha().toColourspace("grey16").raw({ depth: "ushort" })
        .toBuffer({ resolveWithObject: true }),
    );
    return { width: info.width, height: info.height, pixels: clippedGreyToRgb(data) };
  }
  const { data, info } = await read(
    image.toColourspace("srgb").removeAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }),
  );
  if (info.channels !== 3) throw refuse(`its colour space is ${space}`);
  return { width: info.width, height: info.height, pixels: ownBuffer(data) };
}

/** Why an image that libvips does not decode may be damaged. */
function damage(bytes: Uint8Array, format: ImageFormat): string {
  return endsEarly(bytes, format) ? "it ends early" : "it is corrupt, or of a kind that is not read";
}

/** Whether the bytes lack the end that the format prescribes; false where it prescribes none. */
function endsEarly(bytes: Uint8Array, format: ImageFormat): boolean {
  switch (format) {
    case "JPEG":
      // The end marker; zeros and other bytes may follow it.
      return !bytes.some((byte, index) => byte === 0xff && bytes[index + 1] === 0xd9);
    case "PNG":
      return !new TextDecoder("latin1").decode(bytes.subarray(-12)).includes("IEND");
    case "WebP":
      return bytes.length < 8 + new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true);
    default:
      return false;
  }
}

/** The size in a PNG's header, which libvips does not tell if it is zero. */
function checkPngHeader(bytes: Uint8Array): void {
  if (bytes.length < 24) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 24);
  checkSize("PNG", view.getUint32(16), view.getUint32(20));
}

/** Colour type 4 in the header of a PNG: Pillow keeps the high byte of these, and cuts off other 16-bit grey. */
function isGreyAlphaPng(bytes: Uint8Array, format: ImageFormat): boolean {
  return format === "PNG" && bytes[25] === 4;
}

/** Pillow's `cmyk2rgb`: the product of the complements over 255, rounded. */
function cmykToRgb(cmyk: Uint8Array, channels: number): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(cmyk.length / channels * 3);
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    const white = 255 - cmyk[from + 3];
    for (let channel = 0; channel < 3; channel++) {
      const product = cmyk[from + channel] * white + 128;
      rgb[to + channel] = white - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}

function clippedGreyToRgb(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const grey = new Uint16Array(ownBuffer(data).buffer);
  const rgb = new Uint8Array(grey.length * 3);
  grey.forEach((value, index) => rgb.fill(Math.min(value, 255), index * 3, index * 3 + 3));
  return rgb;
}

/** The bytes in a buffer that holds nothing else, so that it can be moved to another thread. */
function ownBuffer(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer && data.buffer.byteLength === data.length
    ? new Uint8Array(data.buffer)
    : new Uint8Array(data);
}
