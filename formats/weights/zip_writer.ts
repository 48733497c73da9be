/**
 * Writes a zip file of stored entries, as PyTorch reads them.
 *
 * Sources: PKWARE's APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end); PyTorch's
 * `caffe2/serialize/inline_container.cc` for the padding, an extra field `FB` that puts content at a multiple of 64 bytes.
 *
 * @module
 */

import { crc32 } from "node:zlib";

/** An entry: its name in ASCII, and its content. */
export type ZipContent = readonly [name: string, content: Uint8Array];

const ALIGNMENT = 64;
const LOCAL_HEADER = 30;
const DIRECTORY_HEADER = 46;
const END = 22;
/** Bytes of an extra field before its own content: two for its name, two for its length. */
const EXTRA_HEADER = 4;
/** The name of the extra field: `FB`. */
const PADDING_FIELD = 0x4246;

/**
 * Lays out entries.
 *
 * @param entries Names and contents, in order.
 * @returns The file's bytes, the same for the same entries: there is no time in them.
 * @throws {RangeError} If it would have 4 GiB or more, which takes another form of zip.
 */
export function writeZip(entries: readonly ZipContent[]): Uint8Array<ArrayBuffer> {
  let position = 0;
  const placed = entries.map(([name, content]) => {
    const header = position;
    const unpadded = header + LOCAL_HEADER + name.length + EXTRA_HEADER;
    const padding = (ALIGNMENT - unpadded % ALIGNMENT) % ALIGNMENT;
    position = unpadded + padding + content.length;
    return { name, content, header, extra: EXTRA_HEADER + padding, checksum: crc32(content) };
  });
  const directory = position;
  const length = placed.reduce((sum, { name }) => sum + DIRECTORY_HEADER + name.length, 0);
  if (directory + length + END >= 2 ** 32) throw new RangeError("Cannot write a zip file of 4 GiB or more");
  const bytes = new Uint8Array(directory + length + END);
  const view = new DataView(bytes.buffer);
  const short = (value: number) => (view.setUint16(position, value, true), position += 2);
  const long = (value: number) => (view.setUint32(position, value, true), position += 4);
  const text = (value: string) => {
    for (let index = 0; index < value.length; index++) bytes[position++] = value.charCodeAt(index);
  };
  /** What local headers and the directory say alike: no flags, stored, no time, the first of January 1980. */
  const description = ({ name, content, checksum }: (typeof placed)[number], extra: number) => {
    [0, 0, 0, 0x21].forEach(short);
    [checksum, content.length, content.length].forEach(long);
    [name.length, extra].forEach(short);
  };
  for (const entry of placed) {
    position = entry.header;
    long(0x04034b50);
    short(20);
    description(entry, entry.extra);
    text(entry.name);
    short(PADDING_FIELD);
    short(entry.extra - EXTRA_HEADER);
    bytes.set(entry.content, position + entry.extra - EXTRA_HEADER);
  }
  position = directory;
  for (const entry of placed) {
    long(0x02014b50);
    [20, 20].forEach(short);
    description(entry, 0);
    [0, 0, 0].forEach(short); // comment, disk, internal attributes
    [0, entry.header].forEach(long);
    text(entry.name);
  }
  long(0x06054b50);
  [0, 0, placed.length, placed.length].forEach(short);
  [length, directory].forEach(long);
  return bytes;
}
