/**
 * The first frame of a GIF, as Pillow shows it.
 *
 * libvips composes frames on a transparent canvas, so that the colours under transparent pixels are lost, and reads all
 * frames even for one. So the first frame is cut out as a GIF of its own, without transparency and of its own size, and
 * put on the canvas afterwards. The format: CompuServe, "Graphics Interchange Format, Version 89a".
 *
 * @module
 */

import { checkSize, type DecodedImage } from "./pixels.ts";

/** A GIF of one opaque frame, and how its pixels lie on the canvas. */
export interface FirstFrame {
  readonly frame: Uint8Array<ArrayBuffer>;
  place(decoded: DecodedImage): DecodedImage;
}

/**
 * Cuts the first frame out of a GIF.
 *
 * Where the frame leaves the canvas free, Pillow shows the colour of the transparent index, or of index 0.
 *
 * @param bytes The GIF.
 * @returns The frame, to be decoded, and what puts it in its place.
 * @throws {Error} If the GIF ends early, has no frame, or is too large.
 */
export function isolateFirstFrame(bytes: Uint8Array): FirstFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 13) throw truncated(bytes);
  const screen = { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  const globalColours = colourTableBytes(bytes[10]);
  let offset = 13 + globalColours;
  let transparent: number | null = null;
  while (bytes[offset] === 0x21) {
    if (bytes[offset + 1] === 0xf9 && bytes[offset + 3] & 1) transparent = bytes[offset + 6];
    offset = endOfBlocks(bytes, offset + 2);
  }
  if (offset >= bytes.length) throw truncated(bytes);
  if (bytes[offset] !== 0x2c) {
    throw new Error(`Cannot decode GIF of ${screen.width} x ${screen.height} pixels: no frame`);
  }
  const descriptor = offset;
  if (descriptor + 10 > bytes.length) throw truncated(bytes);
  const [left, top, width, height] = [1, 3, 5, 7].map((field) => view.getUint16(descriptor + field, true));
  // As in Pillow and browsers, a frame may be larger than the screen says.
  const canvas = { width: Math.max(screen.width, left + width), height: Math.max(screen.height, top + height) };
  checkSize("GIF", width, height);
  checkSize("GIF", canvas.width, canvas.height);
  const localColours = colourTableBytes(bytes[descriptor + 9]);
  const end = endOfBlocks(bytes, descriptor + 10 + localColours + 1);
  if (end > bytes.length) throw truncated(bytes);

  // Header, screen and colours; then the frame's descriptor, colours and data; then the end mark.
  const header = bytes.subarray(0, 13 + globalColours);
  const frame = new Uint8Array(header.length + (end - descriptor) + 1);
  frame.set(header);
  frame.set(bytes.subarray(descriptor, end), header.length);
  frame[frame.length - 1] = 0x3b;
  const edit = new DataView(frame.buffer);
  edit.setUint16(6, width, true);
  edit.setUint16(8, height, true);
  edit.setUint32(header.length + 1, 0, true);

  const colours = localColours > 0 ? descriptor + 10 : 13;
  return {
    frame,
    place(decoded) {
      if (width === canvas.width && height === canvas.height) return decoded;
      const free = bytes.subarray(colours + 3 * (transparent ?? 0), colours + 3 * (transparent ?? 0) + 3);
      const pixels = new Uint8Array(canvas.width * canvas.height * 3);
      for (let index = 0; index < pixels.length; index++) pixels[index] = free[index % 3];
      for (let row = 0; row < height; row++) {
        const line = decoded.pixels.subarray(row * width * 3, (row + 1) * width * 3);
        pixels.set(line, ((top + row) * canvas.width + left) * 3);
      }
      return { ...canvas, pixels };
    },
  };
}

function truncated(bytes: Uint8Array): Error {
  return new Error(`Cannot decode GIF: it ends early, after ${bytes.length} bytes`);
}

/** Bytes of the colour table that the packed field of a screen or a frame announces. */
function colourTableBytes(packed: number): number {
  return packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0;
}

/** The offset after a chain of sub-blocks: each a length and so many bytes, the last of length 0. */
function endOfBlocks(bytes: Uint8Array, offset: number): number {
  while (offset < bytes.length && bytes[offset] !== 0) offset += bytes[offset] + 1;
  return offset + 1;
}
