/**
 * The members of a tar archive, in order, bodies read only when asked for.
 *
 * A reader of its own rather than a library: those on npm (tar-stream, modern-tar) take a stream and so read every byte
 * of a shard, where counting and skipping need only the headers, 512 bytes of some 100,000.
 *
 * Known are the formats V7, ustar (with its prefix), GNU (long names of types `L` and `K`, sizes in base 256, sparse files)
 * and pax (`path`, `linkpath` and `size`, of one member and of all that follow). Directories are passed over. The format:
 * POSIX.1-2017 pax, "Interchange Format", and GNU tar's manual, "Basic Tar Format".
 *
 * A name is its bytes as UTF-8; where they are none, as in archives older than it, each byte beyond ASCII is written
 * `\xe9`, so that names that differ stay different. `./` and `/` before a name are left out.
 *
 * @module
 */

import { letEventsIn } from "../base/event_loop.ts";
import type { ByteStream } from "./byte_stream.ts";
import { numberOf } from "../base/number_of.ts";
import { concatenate } from "../base/bytes.ts";

const BLOCK = 512;
/** Bytes that one read gives at most. */
const LARGEST_READ = 2 ** 31 - 1;
/** Bytes of a long name or a pax header. */
const LARGEST_HEADER = 2 ** 20;
/** Characters of a name, as many as Windows has at most: those that are kept to be told of are not to fill the memory. */
const LONGEST_NAME = 2 ** 15;
/** Bytes that are looked through for another archive behind the end of one. */
const LOOK_BEHIND_END = 2 ** 20;

/** What a member is: `other` are devices, pipes, parts of files, and types that no standard knows. */
export type TarKind = "file" | "sparse file" | "hard link" | "symbolic link" | "other";

/** A member of an archive that is no directory. */
export interface TarMember {
  readonly kind: TarKind;
  readonly name: string;
  /** What a link leads to, as it is written there; empty for others. */
  readonly target: string;
  /** Where its header begins. */
  readonly start: number;
  /** Bytes of its content, and where it begins in the archive (unpacked, if that is gzipped). */
  readonly size: number;
  readonly offset: number;
  /**
   * The first bytes of its content, which `read` then gives too.
   *
   * @param length How many; fewer if the content has fewer.
   */
  peek(length: number): Promise<Uint8Array<ArrayBuffer>>;
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
 * @returns The members in order, directories left out.
 * @throws {Error} If a header is damaged or the archive ends inside a member; the message names the byte.
 */
export async function* readTar(stream: ByteStream): AsyncGenerator<TarMember> {
  const global: PaxRecords = new Map();
  let pax: PaxRecords = new Map();
  let [longName, longTarget]: (string | null)[] = [null, null];
  while (true) {
    await letEventsIn();
    const start = stream.position;
    const block = await stream.read(BLOCK);
    if (block.length === 0 || isEmpty(block)) return;
    checkHeader(block, start);
    const type = String.fromCharCode(block[156]);
    if ("LKxXg".includes(type)) {
      const body = await readHeaderBody(stream, block, start);
      if (type === "L") longName = textOf(untilNull(body));
      else if (type === "K") longTarget = textOf(untilNull(body));
      else if (type === "g") paxRecords(body, start).forEach((value, key) => global.set(key, value));
      else pax = paxRecords(body, start);
      continue;
    }
    const records = merged(global, pax);
    const path = records.get("path");
    const linkPath = records.get("linkpath");
    const fullName = path ? textOf(path) : longName ?? headerName(block);
    const target = linkPath ? textOf(linkPath) : longTarget ?? textOf(untilNull(block.subarray(157, 257)));
    const sparse = [...records.keys()].some((key) => key.startsWith(SPARSE));
    const sparseName = records.get(`${SPARSE}name`);
    const kind = kindOf(type, sparse);
    const size = hasNoBody(type) ? 0 : sizeOf(records, block, start);
    [longName, longTarget, pax] = [null, null, new Map()];
    const name = (sparseName ? textOf(sparseName) : fullName).replace(/^(?:\.?\/)+/, "");
    const longest = Math.max(name.length, target.length);
    if (longest > LONGEST_NAME) throw new Error(`at byte ${start}: a name of ${longest} characters`);
    if (type === "S" && !await skipSparseMap(stream, block)) throw truncated(stream, start, size);
    const isDirectory = type === "5" || type === "D" || name === "" || name.endsWith("/");
    const { offset, body, isTaken } = memberOf(stream, { start, size });
    if (!isDirectory) yield { kind, name, target, start, size, offset, ...body };
    if (!isTaken()) await body.skip();
  }
}

/**
 * Whether another archive stands behind the end of one, as in files joined with `cat`, which no reader of tar goes on to.
 * A gzipped file is unpacked to its end for that, where the checksum of all of it is.
 *
 * @param stream A stream whose archive has been read to its end.
 * @returns True if a header follows; of a file that is not gzipped, within a mebibyte.
 * @throws {Error} If what follows cannot be unpacked.
 */
export async function hasArchiveBehind(stream: ByteStream): Promise<boolean> {
  const end = stream.isPlain ? stream.position + LOOK_BEHIND_END : Infinity;
  let block = new Uint8Array(BLOCK);
  while (isEmpty(block) && stream.position < end) {
    await letEventsIn();
    block = await stream.read(BLOCK);
  }
  const isHeader = block.length === BLOCK && !isEmpty(block) && hasChecksum(block);
  if (!stream.isPlain) await stream.skip(Infinity);
  return isHeader;
}

/** The content of a member that begins where the stream is. */
function memberOf(stream: ByteStream, { start, size }: { readonly start: number; readonly size: number }) {
  const offset = stream.position;
  let isTaken = false;
  const body = {
    async peek(length: number) {
      const bytes = await stream.peek(Math.min(length, size));
      if (bytes.length < Math.min(length, size)) throw truncated(stream, start, size);
      return bytes;
    },
    async read() {
      isTaken = true;
      if (size > LARGEST_READ) {
        throw new Error(`at byte ${start}: a member of ${numberOf(size, "byte")} is too large to be read`);
      }
      const bytes = await stream.read(size);
      await skipPadding(stream, bytes.length, { start, size });
      return bytes;
    },
    async skip() {
      isTaken = true;
      await skipPadding(stream, await stream.skip(size), { start, size });
    },
  };
  return { offset, body, isTaken: () => isTaken };
}

async function skipPadding(
  stream: ByteStream,
  taken: number,
  { start, size }: { readonly start: number; readonly size: number },
): Promise<void> {
  const padding = (BLOCK - size % BLOCK) % BLOCK;
  if (taken < size || await stream.skip(padding) < padding) throw truncated(stream, start, size);
}

function truncated(stream: ByteStream, start: number, size: number): Error {
  return new Error(
    `at byte ${stream.position}: the file ends inside the member at byte ${start}, which has ${numberOf(size, "byte")}`,
  );
}

/** Refuses a block that is no header. */
function checkHeader(block: Uint8Array, start: number): void {
  if (block.length < BLOCK) {
    throw new Error(`at byte ${start}: ${numberOf(block.length, "byte")} left where a header takes 512`);
  }
  if (hasChecksum(block)) return;
  const stated = statedChecksum(block);
  const found = Number.isNaN(stated) ? "no octal number" : stated;
  throw new Error(`at byte ${start}: no tar header, its checksum is ${checksums(block)[0]} and not ${found}`);
}

function hasChecksum(block: Uint8Array): boolean {
  return checksums(block).includes(statedChecksum(block));
}

function statedChecksum(block: Uint8Array): number {
  return parseNumber(block.subarray(148, 156));
}

/** The sum of a header's bytes, and that of old writers, which took them as signed. */
function checksums(block: Uint8Array): [number, number] {
  // The field itself counts as spaces.
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let index = 0; index < BLOCK; index++) {
    if (index >= 148 && index < 156) continue;
    unsigned += block[index];
    signed += (block[index] << 24) >> 24;
  }
  return [unsigned, signed];
}

function isEmpty(block: Uint8Array): boolean {
  return block.length === BLOCK && block.every((byte) => byte === 0);
}

function headerName(block: Uint8Array): string {
  const name = untilNull(block.subarray(0, 100));
  // GNU's magic has a space where POSIX's has none, and its prefix field holds other things.
  const isPosix = latin1(block.subarray(257, 263)) === "ustar\0";
  const prefix = isPosix ? untilNull(block.subarray(345, 500)) : new Uint8Array();
  return textOf(prefix.length === 0 ? name : concatenate([prefix, SLASH, name]));
}

const SLASH = Uint8Array.of(0x2f);

function kindOf(type: string, sparse: boolean): TarKind {
  if (type === "1") return "hard link";
  if (type === "2") return "symbolic link";
  if (!"0\x007S".includes(type)) return "other";
  return sparse || type === "S" ? "sparse file" : "file";
}

/** Links, devices, directories and pipes, whatever their size says. */
function hasNoBody(type: string): boolean {
  return type >= "1" && type <= "6";
}

function sizeOf(records: PaxRecords, block: Uint8Array, start: number): number {
  const record = records.get("size");
  const text = record && latin1(record);
  const size = text === undefined ? parseNumber(block.subarray(124, 136)) : /^\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(size)) return size;
  const field = text ?? latin1(untilNull(block.subarray(124, 136)));
  throw new Error(`at byte ${start}: a size of ${JSON.stringify(field)}`);
}

async function readHeaderBody(stream: ByteStream, block: Uint8Array, start: number): Promise<Uint8Array> {
  const size = sizeOf(new Map(), block, start);
  if (size > LARGEST_HEADER) throw new Error(`at byte ${start}: a name of ${numberOf(size, "byte")}`);
  return await memberOf(stream, { start, size }).body.read();
}

/** GNU sparse headers continue in further blocks as long as a flag says so; false if those are not there. */
async function skipSparseMap(stream: ByteStream, header: Uint8Array): Promise<boolean> {
  for (let more = header[482] !== 0; more;) {
    const block = await stream.read(BLOCK);
    if (block.length < BLOCK) return false;
    more = block[504] !== 0;
  }
  return true;
}

/** Octal text, or base 256 if the first bit is set; NaN if it is neither, or negative. */
function parseNumber(field: Uint8Array): number {
  if (field[0] & 0x80) {
    if (field[0] & 0x40) return NaN;
    return field.reduce((value, byte, index) => value * 256 + (index === 0 ? byte & 0x7f : byte), 0);
  }
  const text = latin1(untilNull(field)).replace(/^ +| +$/g, "");
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

/** Records of pax by their keywords, values as bytes; an empty value takes back one of all members. */
type PaxRecords = Map<string, Uint8Array>;

const SPARSE = "GNU.sparse.";
const KEYWORDS = ["path", "linkpath", "size", `${SPARSE}name`];

/** Records `<length> <keyword>=<value>\n`, the length in bytes; only those that are used here are kept. */
function paxRecords(body: Uint8Array, start: number): PaxRecords {
  const records: PaxRecords = new Map();
  const text = latin1(body);
  for (let offset = 0; offset < body.length && body[offset] !== 0;) {
    const head = /(\d{1,7}) ([^=]+)=/y;
    head.lastIndex = offset;
    const [, digits, keyword] = head.exec(text) ?? [];
    const end = offset + Number(digits);
    if (keyword === undefined || !(end > head.lastIndex && end <= body.length) || text[end - 1] !== "\n") {
      throw new Error(`at byte ${start}: a damaged pax header`);
    }
    const known = KEYWORDS.find((known) => keyword === known) ?? (keyword.startsWith(SPARSE) ? SPARSE : undefined);
    if (known) records.set(known, body.slice(head.lastIndex, end - 1));
    offset = end;
  }
  return records;
}

function merged(global: PaxRecords, own: PaxRecords): PaxRecords {
  const records = new Map([...global, ...own]);
  for (const [keyword, value] of records) {
    if (value.length === 0) records.delete(keyword);
  }
  return records;
}

function untilNull(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += 8192) {
    text += String.fromCharCode(...bytes.subarray(offset, offset + 8192));
  }
  return text;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return latin1(bytes).replace(/[^\0-\x7f]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  }
}
