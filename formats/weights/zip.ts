/**
 * The directory of a zip file whose entries are stored, as PyTorch writes them.
 *
 * Sources: PKWARE's APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (ends, zip64),
 * 4.5.3 (zip64 extra field).
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { showValue } from "../base/show_value.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { numberOf } from "../base/number_of.ts";
import { unreadable } from "../base/files.ts";

/** An entry of a zip file: where its bytes are. */
export interface ZipEntry {
  /** First byte of its header. */
  readonly header: number;
  /** First byte of its content. */
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of its bytes; 0 where its writer computed none, as PyTorch does when told so. */
  readonly checksum: number;
}

const endSignature = 0x06054b50;
const end64LocatorSignature = 0x07064b50;
const end64Signature = 0x06064b50;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endLength = 22;
const maximumCommentLength = 0xffff;
/** Bytes of a directory that are read: those of some fifty thousand entries, of which checkpoints have thousands. */
const maximumDirectoryLength = 4 << 20;
const isEncrypted = 1;
/** Bytes that are read at once. */
const PIECE = 1 << 20;

/**
 * Reads the directory of a zip file.
 *
 * @param source The open file.
 * @returns The entries by name, in the directory's order.
 * @throws {TypeError} If the directory is missing or damaged (a truncated file has none), an entry is compressed, or two
 *   have the same name or bytes in common.
 */
export function readZipDirectory(source: ByteSource): Map<string, ZipEntry> {
  const { count, offset, length } = findDirectory(source);
  if (offset + length > source.size) throw unreadable(source.path, "its directory lies outside the file");
  if (length > maximumDirectoryLength) {
    throw unreadable(
      source.path,
      `its directory has ${numberOf(length, "byte")}, at most ${maximumDirectoryLength} are read`,
    );
  }
  const directory = source.read(offset, length);
  const view = new DataView(directory.buffer);
  const entries = new Map<string, ZipEntry>();
  let position = 0;
  for (let index = 0; index < count; index++) {
    if (position + 46 > length || view.getUint32(position, true) !== directorySignature) {
      throw unreadable(source.path, `entry ${index} of its directory is damaged`);
    }
    const [flags, method] = [view.getUint16(position + 8, true), view.getUint16(position + 10, true)];
    const nameLength = view.getUint16(position + 28, true);
    const extraLength = view.getUint16(position + 30, true);
    const next = position + 46 + nameLength + extraLength + view.getUint16(position + 32, true);
    if (next > length) throw unreadable(source.path, `entry ${index} of its directory is damaged`);
    const name = new TextDecoder().decode(directory.subarray(position + 46, position + 46 + nameLength));
    if (method !== 0 || flags & isEncrypted) {
      const found = method === 0 ? "encrypted" : "compressed";
      throw unreadable(source.path, `zip entry ${showValue(name)} is ${found}, PyTorch's are stored`);
    }
    if (entries.has(name)) throw unreadable(source.path, `it has two zip entries ${showValue(name)}`);
    const sizes = readSizes(view, position, position + 46 + nameLength, extraLength);
    if (!sizes) throw unreadable(source.path, `zip entry ${showValue(name)} has no sizes that agree`);
    const place = locate(source, name, directory.subarray(position + 46, position + 46 + nameLength), sizes);
    entries.set(name, { ...place, checksum: view.getUint32(position + 16, true) });
    position = next;
  }
  if (position !== length) {
    throw unreadable(source.path, `its directory has more than the ${count} entries that it says`);
  }
  checkOverlaps(source, entries);
  return entries;
}

/** Entries that share bytes would stand for more than the file holds. */
function checkOverlaps(source: ByteSource, entries: ReadonlyMap<string, ZipEntry>): void {
  let end = 0;
  for (const [name, { header, offset, length }] of [...entries].sort(([, a], [, b]) => a.header - b.header)) {
    if (header < end) throw unreadable(source.path, `zip entry ${showValue(name)} lies in the one before it`);
    end = offset + length;
  }
}

/**
 * Reads an entry.
 *
 * @param source The open file.
 * @param name The entry's name, for the message.
 * @param entry Offset, size and checksum of the entry.
 * @returns The entry's bytes.
 * @throws {TypeError} If they are not those of its checksum.
 */
export function readZipEntry(source: ByteSource, name: string, entry: ZipEntry): Uint8Array<ArrayBuffer> {
  const bytes = source.read(entry.offset, entry.length);
  checkZipEntry(source, name, entry, bytes);
  return bytes;
}

/** Refuses an entry whose bytes are not those of its checksum, reading them in pieces. */
export function checkWholeZipEntry(source: ByteSource, name: string, entry: ZipEntry): void {
  if (entry.checksum === 0) return;
  let checksum = 0;
  for (let position = 0; position < entry.length; position += PIECE) {
    checksum = crc32(source.read(entry.offset + position, Math.min(PIECE, entry.length - position)), checksum);
  }
  if (checksum !== entry.checksum) throw wrongChecksum(source, name);
}

/** Refuses bytes of an entry that are not those of its checksum. */
export function checkZipEntry(source: ByteSource, name: string, { checksum }: ZipEntry, bytes: Uint8Array): void {
  if (checksum !== 0 && crc32(bytes) !== checksum) throw wrongChecksum(source, name);
}

function wrongChecksum(source: ByteSource, name: string): TypeError {
  return unreadable(source.path, `entry ${showValue(name)} is not as its checksum says`);
}

/** Finds the end record, which is the last 22 bytes unless a comment follows it. */
function findDirectory(source: ByteSource): { count: number; offset: number; length: number } {
  const tailLength = Math.min(source.size, endLength + maximumCommentLength);
  const tailOffset = source.size - tailLength;
  const view = new DataView(source.read(tailOffset, tailLength).buffer);
  let end = tailLength - endLength;
  while (end >= 0 && view.getUint32(end, true) !== endSignature) end--;
  if (end < 0) throw unreadable(source.path, "it starts as a zip file but has no directory (a truncated file?)");
  const short = {
    count: view.getUint16(end + 10, true),
    length: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
  const locator = end - 20;
  if (locator < 0 || view.getUint32(locator, true) !== end64LocatorSignature) return short;
  const record = Number(view.getBigUint64(locator + 8, true));
  if (record + 56 > source.size) throw unreadable(source.path, "its zip64 end record lies outside the file");
  const end64 = new DataView(source.read(record, 56).buffer);
  if (end64.getUint32(0, true) !== end64Signature) throw unreadable(source.path, "its zip64 end record is damaged");
  const long = {
    count: Number(end64.getBigUint64(32, true)),
    length: Number(end64.getBigUint64(40, true)),
    offset: Number(end64.getBigUint64(48, true)),
  };
  const agrees = (value: number, other: number, full: number) => value === full || value === other;
  if (
    !agrees(short.count, long.count, 0xffff) || !agrees(short.length, long.length, 0xffffffff) ||
    !agrees(short.offset, long.offset, 0xffffffff)
  ) {
    throw unreadable(source.path, "its two end records do not agree");
  }
  return long;
}

/**
 * Length and header offset of an entry; where a 32-bit field is full, its value is in the zip64 extra field. Undefined if that
 * is missing, or if what is stored has another length than what is said to come out.
 */
function readSizes(
  view: DataView,
  position: number,
  extra: number,
  extraLength: number,
): { length: number; header: number } | undefined {
  const length = view.getUint32(position + 24, true);
  const compressed = view.getUint32(position + 20, true);
  const header = view.getUint32(position + 42, true);
  const full = 0xffffffff;
  if (length !== full && header !== full && compressed !== full) {
    return length === compressed ? { length, header } : undefined;
  }
  for (let field = extra; field + 4 <= extra + extraLength;) {
    const fieldLength = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) {
      let value = field + 4;
      const end = value + fieldLength;
      const take = (word: number) => {
        if (word !== full) return word;
        value += 8;
        return value <= end && end <= extra + extraLength ? Number(view.getBigUint64(value - 8, true)) : undefined;
      };
      const long = { length: take(length), compressed: take(compressed), header: take(header) };
      return long.length === undefined || long.header === undefined || long.length !== long.compressed
        ? undefined
        : { length: long.length, header: long.header };
    }
    field += 4 + fieldLength;
  }
}

/** The bytes follow the local header, whose name and extra field have lengths of their own (PyTorch pads there). */
function locate(
  source: ByteSource,
  name: string,
  nameBytes: Uint8Array,
  { length, header }: { length: number; header: number },
): { header: number; offset: number; length: number } {
  const outside = () => unreadable(source.path, `entry ${showValue(name)} lies outside the file`);
  const nameEnd = 30 + nameBytes.length;
  if (header + nameEnd > source.size) throw outside();
  const bytes = source.read(header, nameEnd);
  const local = new DataView(bytes.buffer);
  const isSameName = local.getUint16(26, true) === nameBytes.length &&
    nameBytes.every((byte, index) => byte === bytes[30 + index]);
  if (local.getUint32(0, true) !== localSignature || !isSameName) {
    throw unreadable(source.path, `the header of entry ${showValue(name)} is damaged`);
  }
  const offset = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  if (offset + length > source.size) throw outside();
  return { header, offset, length };
}
