/**
 * What an AVIF's boxes say of its main picture. The format: ISO/IEC 23008-12 and AOM, "AV1 Image File Format".
 *
 * @module
 */

import type { StoredHeader } from "./image_format.ts";

/** A box: its name and its content. */
interface Box {
  readonly name: string;
  readonly content: DataView;
}

/** The brand of animations, as bytes. */
const AVIS = 0x61766973;

/** The orientation for each turn counter-clockwise by 90 degrees, mirrored afterwards top to bottom or left to right. */
const ORIENTATIONS: Readonly<Record<"none" | "vertical" | "horizontal", readonly number[]>> = {
  none: [1, 8, 3, 6],
  vertical: [4, 5, 2, 7],
  horizontal: [2, 7, 4, 5],
};

/**
 * Reads the header.
 *
 * @param bytes An AVIF.
 * @returns The header; null if its main picture has no size.
 */
export function readAvifHeader(bytes: Uint8Array): StoredHeader | null {
  try {
    return readHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readHeader(file: DataView): StoredHeader | null {
  const meta = find(boxes(file), "meta");
  if (!meta) return null;
  const parts = [...boxes(meta, 4)];
  const main = readMainItem(find(parts, "pitm"));
  const properties = find(parts, "iprp");
  if (main === undefined || !properties) return null;
  const lists = [...boxes(properties)];
  const described = [...boxes(find(lists, "ipco") ?? new DataView(new ArrayBuffer(0)))];
  const own = readAssociations(find(lists, "ipma"), main).map((index) => described[index - 1]).filter(Boolean);
  const size = find(own, "ispe");
  if (!size) return null;
  const turns = find(own, "irot")?.getUint8(0) ?? 0;
  const axis = find(own, "imir")?.getUint8(0);
  const mirrored = axis === undefined ? "none" : (axis & 1) === 0 ? "vertical" : "horizontal";
  const isAnimation = file.getUint32(8) === AVIS;
  const references = find(parts, "iref");
  const isPremultiplied = references !== undefined && find(boxes(references, 4), "prem") !== undefined;
  return {
    width: size.getUint32(4),
    height: size.getUint32(8),
    orientation: ORIENTATIONS[mirrored][turns & 3],
    refusal: isAnimation ? "it is an animation" : isPremultiplied ? "its colours are multiplied by alpha" : undefined,
  };
}

function* boxes(view: DataView, start = 0): Generator<Box> {
  for (let offset = start; offset + 8 <= view.byteLength;) {
    const short = view.getUint32(offset);
    const header = short === 1 ? 16 : 8;
    const length = short === 1 ? Number(view.getBigUint64(offset + 8)) : short === 0 ? view.byteLength - offset : short;
    if (length < header || offset + length > view.byteLength) return;
    const name = String.fromCharCode(...[4, 5, 6, 7].map((at) => view.getUint8(offset + at)));
    yield { name, content: new DataView(view.buffer, view.byteOffset + offset + header, length - header) };
    offset += length;
  }
}

function find(list: Iterable<Box>, wanted: string): DataView | undefined {
  for (const { name, content } of list) if (name === wanted) return content;
  return undefined;
}

function readMainItem(view: DataView | undefined): number | undefined {
  return view && (view.getUint8(0) === 0 ? view.getUint16(4) : view.getUint32(4));
}

/** Positions, from 1, of an item's properties. */
function readAssociations(view: DataView | undefined, item: number): number[] {
  if (!view) return [];
  const [version, isWide] = [view.getUint8(0), (view.getUint8(3) & 1) === 1];
  let offset = 8;
  for (let left = view.getUint32(4); left > 0; left--) {
    const id = version === 0 ? view.getUint16(offset) : view.getUint32(offset);
    offset += version === 0 ? 2 : 4;
    const count = view.getUint8(offset++);
    const positions: number[] = [];
    for (let index = 0; index < count; index++, offset += isWide ? 2 : 1) {
      positions.push(isWide ? view.getUint16(offset) & 0x7fff : view.getUint8(offset) & 0x7f);
    }
    if (id === item) return positions;
  }
  return [];
}
