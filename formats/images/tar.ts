/**
 * The members of a tar archive, in order, bodies read only when asked for.
 *
 * A reader of its own rather than a library: those on npm (tar-stream, modern-tar) take a stream and so read every byte
 * of a shard, where counting and skipping need only the headers, 512 bytes of some 100,000.
 *
 * Known are the ustar prefix, GNU long names (types `L` and `K`), pax headers (`path` and `size`) and sizes in base 256.
 * Directories, links, devices and sparse files are passed over. The format: POSIX.1-2017 pax, "Interchange Format",
 * and GNU tar's manual, "Basic Tar Format".
 *
 * @module
 */

import type { ByteStream } from "./byte_stream.ts";

const BLOCK = 512;
/** Bytes; an image beyond it is a damaged header. */
const LARGEST_MEMBER = 2 ** 31 - 1;
/** Bytes of a long name or a pax header. */
const LARGEST_HEADER = 2 ** 20;

/** A regular file in an archive. */
export interface TarMember {
  readonly name: string;
  /** Bytes of its content, and where it begins in the archive (unpacked, if that is gzipped). */
  readonly size: number;
  readonly offset: number;
  /** Its content. Either this or `skip` may be called, once, before the next member is asked for. */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /** Passes over its content; done by itself when the next member is asked for, here to see whether it is all there. */
  skip(): Promise<void>;
}

/**
 * Reads the members of an archive. An archive that ends without its two empty blocks, but after a whole member, counts as
 * complete, as in GNU tar.
 *
 * @param stream The archive from its beginning.
 * @returns The regular files in it.
 * @throws {Error} If a header is damaged or the archive ends inside a member; the message names the byte.
 */
export async function* readTar(stream: ByteStream): AsyncGenerator<TarMember> {
  let longName: string | null = null;
  let pax = new Map<string, string>();
  while (true) {
    const start = stream.position;
    const header = await readHeader(stream);
    if (header === null) return;
    const { type } = header;
    if (type === "L" || type === "K" || type === "x" || type === "g") {
      if (header.size > LARGEST_HEADER) throw new Error(`at byte ${start}: a name of ${header.size} bytes`);
      const body = await readBody(stream, start, header.size);
      if (type === "L") longName = untilNull(body);
      else if (type === "x") pax = paxRecords(body);
      continue;
    }
    const size = pax.has("size") ? Number(pax.get("size")) : header.size;
    const name = pax.get("path") ?? longName ?? header.name;
    const sparse = type === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse."));
    longName = null;
    pax = new Map();
    if (!Number.isSafeInteger(size)) throw new Error(`at byte ${start}: a size that is not a number`);
    if (type === "S") await skipSparseMap(stream, header.block);
    const regular = (type === "0" || type === "\0" || type === "7") && !sparse && !name.endsWith("/");
    let taken = false;
    const checkSize = () => {
      if (size > LARGEST_MEMBER) throw new Error(`at byte ${start}: "${name}" has ${size} bytes`);
    };
    if (regular) {
      yield {
        name: name.replace(/^(\.?\/+)+/, ""),
        size,
        offset: stream.position,
        async read() {
          taken = true;
          checkSize();
          return await readBody(stream, start, size);
        },
        async skip() {
          taken = true;
          checkSize();
          await skipBody(stream, start, size);
        },
      };
    }
    if (!taken) await skipBody(stream, start, size);
  }
}

interface Header {
  readonly name: string;
  readonly size: number;
  readonly type: string;
  readonly block: Uint8Array;
}

/** The next header, or null at the archive's end: an empty block, or no more bytes. */
async function readHeader(stream: ByteStream): Promise<Header | null> {
  const start = stream.position;
  const block = await stream.read(BLOCK);
  if (block.length === 0 || (block.length === BLOCK && block.every((byte) => byte === 0))) return null;
  if (block.length < BLOCK) throw new Error(`at byte ${start}: ${block.length} bytes left where a header takes 512`);
  const stated = parseNumber(block.subarray(148, 156));
  // The field itself counts as spaces; old writers summed the bytes as signed.
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let index = 0; index < BLOCK; index++) {
    if (index >= 148 && index < 156) continue;
    unsigned += block[index];
    signed += (block[index] << 24) >> 24;
  }
  if (stated !== unsigned && stated !== signed) {
    throw new Error(`at byte ${start}: no tar header, its checksum is ${unsigned} and not ${stated}`);
  }
  const magic = untilNull(block.subarray(257, 263));
  // GNU's magic has a space where POSIX's has none, and its prefix field holds other things.
  const prefix = magic === "ustar" ? untilNull(block.subarray(345, 500)) : "";
  const name = untilNull(block.subarray(0, 100));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: parseNumber(block.subarray(124, 136)),
    type: String.fromCharCode(block[156]),
    block,
  };
}

async function readBody(stream: ByteStream, start: number, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const body = await stream.read(size);
  const padding = await stream.skip(paddingOf(size));
  if (body.length < size || padding < paddingOf(size)) throw truncated(stream, start, size);
  return body;
}

async function skipBody(stream: ByteStream, start: number, size: number): Promise<void> {
  const length = size + paddingOf(size);
  if (await stream.skip(length) < length) throw truncated(stream, start, size);
}

function truncated(stream: ByteStream, start: number, size: number): Error {
  return new Error(
    `at byte ${stream.position}: the file ends inside the member at byte ${start}, which has ${size} bytes`,
  );
}

function paddingOf(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** GNU sparse headers continue in further blocks as long as a flag says so. */
async function skipSparseMap(stream: ByteStream, header: Uint8Array): Promise<void> {
  let more = header[482] !== 0;
  while (more) {
    const block = await stream.read(BLOCK);
    more = block.length === BLOCK && block[504] !== 0;
  }
}

/** Octal text, or base 256 if the first bit is set. */
function parseNumber(field: Uint8Array): number {
  if (field[0] & 0x80) return field.reduce((value, byte, index) => value * 256 + (index === 0 ? byte & 0x7f : byte), 0);
  const text = untilNull(field).trim();
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

/** Records `<length> <key>=<value>\n`, the length in bytes. */
function paxRecords(body: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  const decoder = new TextDecoder();
  let offset = 0;
  while (offset < body.length) {
    const length = parseInt(decoder.decode(body.subarray(offset, offset + 20)), 10);
    if (!(length > 0)) break;
    const record = decoder.decode(body.subarray(offset, offset + length - 1));
    const equals = record.indexOf("=");
    records.set(record.slice(record.indexOf(" ") + 1, equals), record.slice(equals + 1));
    offset += length;
  }
  return records;
}

function untilNull(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
