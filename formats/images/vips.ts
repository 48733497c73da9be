/**
 * Decoding with libvips, in the package sharp.
 *
 * @module
 */

import { damage, type ImageHeader } from "./image_header.ts";
import { loadDecoder } from "./load_decoder.ts";
import { orientImage } from "./orientation.ts";
import type { DecodedImage } from "../base/pixels.ts";
import { ycbcrToRgb } from "./ycbcr.ts";

/**
 * Decodes a JPEG, PNG, WebP, AVIF or TIFF.
 *
 * @param bytes The encoded image.
 * @param header What it says of itself.
 * @returns Its pixels as they are stored.
 * @throws {Error} If it cannot be decoded; the message is one sentence that names what was found.
 * @throws {Deno.errors.NotSupported} If the decoder is not there for this machine.
 */
export async function decodeWithVips(bytes: Uint8Array, header: ImageHeader): Promise<DecodedImage> {
  const { format } = header;
  const sharp = await loadDecoder();
  const refuse = (reason: string) =>
    new Error(`Cannot decode ${format} of ${header.width} x ${header.height} pixels: ${reason}`);
  /**
   * What libvips says of an error is in a buffer that all threads share, where others may wipe or mix it: what is said of
   * an image would depend on what is decoded beside it. So what failed is found in the bytes.
   */
  const read = <T>(result: Promise<T>) =>
    result.catch(() => {
      throw refuse(damage(bytes, format));
    });
  // libtiff reports an early end as any other error, and libvips passes over that of a tile unless warnings count.
  const failOn = format !== "TIFF" ? "truncated" : header.isTiled ? "warning" : "error";
  const image = sharp(bytes, { failOn, ignoreIcc: true, limitInputPixels: false });
  const { width, height, space, depth } = await read(image.metadata());
  // Room was made for what the header says.
  const isTurned = format === "AVIF" && header.orientation > 4;
  const [columns, rows] = isTurned ? [height, width] : [width, height];
  if (columns !== header.width || rows !== header.height) throw refuse(`it is also of ${columns} x ${rows}`);
  if (depth !== "uchar" && depth !== "ushort") throw refuse(`its samples are of type ${depth}`);
  if (space === "cmyk") {
    const { data, info } = await read(
      image.pipelineColourspace("cmyk").toColourspace("cmyk").raw({ depth }).toBuffer({ resolveWithObject: true }),
    );
    const cmyk = depth === "ushort" ? highBytes(data) : data;
    return { width: info.width, height: info.height, pixels: cmykToRgb(cmyk, info.channels) };
  }
  // Of PNG's grey with alpha Pillow keeps the high byte, and cuts off other 16-bit grey.
  if (space === "grey16" && !(format === "PNG" && bytes[25] === 4)) {
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
  const pixels = ownBuffer(data);
  if (header.ycbcr) ycbcrToRgb(pixels, header.ycbcr);
  const decoded = { width: info.width, height: info.height, pixels };
  // libheif turns by itself.
  return format === "AVIF" ? orientImage(decoded, INVERSE[header.orientation]) : decoded;
}

/** The orientation that undoes each. */
const INVERSE: readonly number[] = [1, 1, 2, 3, 4, 5, 8, 7, 6];

function highBytes(data: Uint8Array): Uint8Array {
  return Uint8Array.from(new Uint16Array(ownBuffer(data).buffer), (sample) => sample >> 8);
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
