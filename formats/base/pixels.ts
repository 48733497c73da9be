/**
 * Decoded images, and how large they may be.
 *
 * @module
 */

/** An image as pixels. */
export interface Pixels {
  /** Width, pixels. */
  readonly width: number;
  /** Height, pixels. */
  readonly height: number;
  /** RGB, `[H, W, 3]`, one byte per sample. */
  readonly pixels: Uint8Array;
}

/** An image that was decoded from a file. */
export interface DecodedImage extends Pixels {
  /** RGB, `[H, W, 3]`, one byte per sample, in a buffer that can be moved to another thread. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** The EXIF orientation that its file carries, 2 to 8, whether the pixels are turned or not; absent if none or 1. */
  readonly orientation?: number;
}

/** Pixels; more is refused before anything is allocated. Where Pillow raises `DecompressionBombError`. */
export const MOST_PIXELS = 2 * 89_478_485;

/** Pixels of a side: the weights of a resize are as many, and more than in any picture, as libpng sees it too. */
const LONGEST_SIDE = 2 ** 20;

/**
 * Refuses images without pixels and decompression bombs by the size in their header.
 *
 * @param format Name of the format, for the message.
 * @param width Width, pixels.
 * @param height Height, pixels.
 * @throws {Error} If the image is empty, has more than {@linkcode MOST_PIXELS} pixels, or a side of more than
 *   {@linkcode LONGEST_SIDE}.
 */
export function checkSize(format: string, width: number, height: number): void {
  if (!(width > 0 && height > 0)) {
    throw new Error(`Cannot decode ${format} of ${width} x ${height} pixels: it is empty`);
  }
  if (width * height > MOST_PIXELS) {
    throw new Error(`Cannot decode ${format} of ${width} x ${height} pixels: more than ${MOST_PIXELS} in all`);
  }
  if (Math.max(width, height) > LONGEST_SIDE) {
    throw new Error(
      `Cannot decode ${format} of ${width} x ${height} pixels: more than ${LONGEST_SIDE} in a row or column`,
    );
  }
}

/**
 * Frees bytes that are of no more use now rather than when the collector next runs: it does not know how large the
 * buffers it holds are, and lets some hundred megabytes of pixels gather.
 *
 * @param bytes An encoded image or pixels; they have no length afterwards.
 */
export function releaseBytes(bytes: Uint8Array<ArrayBuffer>): void {
  if (!bytes.buffer.detached) bytes.buffer.transfer(0);
}
