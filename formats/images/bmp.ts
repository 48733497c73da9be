/**
 * Windows bit maps, which libvips as packaged with sharp does not read: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits,
 * top-down and bottom-up. Run-length coding is refused. The format: Microsoft, "Bitmap Storage".
 *
 * @module
 */

import { checkSize, type DecodedImage } from "./pixels.ts";

/** The palette, or where a pixel's red, green and blue are. */
type Colours =
  | { readonly palette: Uint8Array; readonly entryBytes: number }
  | { readonly masks: readonly [red: number, green: number, blue: number] };

/**
 * Decodes a BMP.
 *
 * @param bytes The file.
 * @returns Its pixels; alpha is dropped.
 * @throws {Error} If the header is wrong, the coding is not read, or the file ends early.
 */
export function decodeBmp(bytes: Uint8Array): DecodedImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) throw new Error(`Cannot decode BMP: ${bytes.length} bytes are less than its header`);
  const headerBytes = view.getUint32(14, true);
  const old = headerBytes === 12;
  if (!old && (headerBytes < 40 || bytes.length < 14 + headerBytes)) {
    throw new Error(`Cannot decode BMP: a header of ${headerBytes} bytes in a file of ${bytes.length}`);
  }
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const storedHeight = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(storedHeight);
  checkSize("BMP", width, height);
  const found = `Cannot decode BMP of ${width} x ${height} pixels`;
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? 0 : view.getUint32(30, true);
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw new Error(`${found}: ${bits} bits a pixel`);
  // 0 is plain, 3 and 6 are plain with masks.
  if (![0, 3, 6].includes(compression)) {
    throw new Error(`${found}: its compression, number ${compression}, is not read`);
  }
  const start = view.getUint32(10, true);
  const rowBytes = Math.ceil(width * bits / 32) * 4;
  const expected = start + rowBytes * height;
  if (bytes.length < expected) throw new Error(`${found}: it ends after ${bytes.length} of ${expected} bytes`);
  const colours = readColours(bytes, view, bits, compression, start);
  const pixels = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = start + rowBytes * (storedHeight < 0 ? row : height - 1 - row);
    const line = pixels.subarray(row * width * 3, (row + 1) * width * 3);
    if ("palette" in colours) expandPalette(bytes, from, bits, colours.palette, colours.entryBytes, line);
    else expandMasks(view, from, bits, colours.masks, line);
  }
  return { width, height, pixels };
}

function readColours(bytes: Uint8Array, view: DataView, bits: number, compression: number, start: number): Colours {
  const headerBytes = view.getUint32(14, true);
  if (bits <= 8) {
    const at = 14 + headerBytes + (compression === 3 && headerBytes === 40 ? 12 : 0);
    return { palette: bytes.subarray(at, start), entryBytes: headerBytes === 12 ? 3 : 4 };
  }
  if (compression !== 0 && bytes.length >= 66) {
    return { masks: [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)] };
  }
  return { masks: bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff] };
}

function expandPalette(
  bytes: Uint8Array,
  from: number,
  bits: number,
  palette: Uint8Array,
  entryBytes: number,
  line: Uint8Array,
): void {
  const perByte = 8 / bits;
  for (let column = 0; column * 3 < line.length; column++) {
    const byte = bytes[from + Math.floor(column / perByte)];
    const index = (byte >> (8 - bits * (column % perByte + 1))) & (2 ** bits - 1);
    for (let channel = 0; channel < 3; channel++) {
      line[column * 3 + channel] = palette[index * entryBytes + 2 - channel];
    }
  }
}

function expandMasks(
  view: DataView,
  from: number,
  bits: number,
  masks: readonly [number, number, number],
  line: Uint8Array,
): void {
  const channels = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { shift, most: mask >>> shift };
  });
  for (let column = 0; column * 3 < line.length; column++) {
    const at = from + column * bits / 8;
    const value = bits === 16
      ? view.getUint16(at, true)
      : bits === 24
      ? view.getUint16(at, true) | view.getUint8(at + 2) << 16
      : view.getUint32(at, true);
    channels.forEach(({ shift, most }, channel) => {
      line[column * 3 + channel] = most === 0 ? 0 : Math.floor(((value >>> shift) & most) * 255 / most);
    });
  }
}
