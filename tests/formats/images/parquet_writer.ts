/**
 * Parquet files for tests, written as the format's specification says and with what a test asks for: any type, pages of
 * either version, dictionaries, compression, checksums.
 *
 * @module
 * @see https://github.com/apache/parquet-format
 */

import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import { concatenate } from "../../../formats/base/bytes.ts";

/** A column, or a field of a structure. */
export interface WrittenColumn {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  /** The annotation of older writers: 0 is UTF-8. */
  readonly converted?: number;
  /** A field of the structure of that name; the fields of one follow each other. */
  readonly of?: string;
  readonly values: readonly (number | bigint | string | Uint8Array | null)[];
  readonly isDictionary?: boolean;
}

/** How a file is written. */
export interface WriteParquetOptions {
  readonly rowsPerGroup?: number;
  readonly rowsPerPage?: number;
  readonly version?: 1 | 2;
  readonly codec?: keyof typeof CODECS;
  /** Whether pages carry their CRC. */
  readonly hasChecksums?: boolean;
  /** Bytes that the headers of pages say they become; default what they do. */
  readonly claimedBytes?: number;
  /** Key-value metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const TYPES = { boolean: 0, int32: 1, int64: 2, float: 4, double: 5, bytes: 6 } as const;
const CODECS = { none: 0, snappy: 1, gzip: 2, zstd: 6 } as const;
const ENCODINGS = { plain: 0, rle: 3, rleDictionary: 8 } as const;
const OPTIONAL = 1;

/** Fields of a Thrift structure: numbers are integers, which are 64 bits wide if they are bigint. */
interface Fields {
  readonly [field: number]: Field | undefined;
}
type Field = number | bigint | boolean | string | Uint8Array | Fields | readonly (Fields | string | number)[];

/** A column of texts. */
export function textColumn(name: string, values: readonly (string | null)[]): WrittenColumn {
  return { name, type: "bytes", converted: 0, values };
}

/** Columns of images as `datasets` writes them. */
export function imageColumns(images: readonly (Uint8Array | null)[], name = "image"): WrittenColumn[] {
  const paths = images.map((_, index) => `${index}.png`);
  return [{ name: "bytes", type: "bytes", of: name, values: images }, { ...textColumn("path", paths), of: name }];
}

/**
 * Writes a file.
 *
 * @param columns Its columns, all optional, of as many values each.
 * @param options How.
 * @returns The file.
 */
export function writeParquet(
  columns: readonly WrittenColumn[],
  options: WriteParquetOptions = {},
): Uint8Array<ArrayBuffer> {
  const { rowsPerGroup = Infinity, metadata = {} } = options;
  const rows = columns[0].values.length;
  const parts: Uint8Array[] = [new TextEncoder().encode("PAR1")];
  let offset = 4;
  const append = (bytes: Uint8Array) => {
    parts.push(bytes);
    offset += bytes.length;
  };
  const groups: Fields[] = [];
  for (let start = 0; start < rows; start += rowsPerGroup) {
    const end = Math.min(rows, start + rowsPerGroup);
    const chunks = columns.map((column): Fields => {
      const first = offset;
      const pages = pagesOf({ ...column, values: column.values.slice(start, end) }, options);
      pages.dictionary.forEach(append);
      const data = offset;
      pages.data.forEach(append);
      return {
        2: BigInt(first),
        3: {
          1: TYPES[column.type],
          2: [ENCODINGS.plain, ENCODINGS.rle, ENCODINGS.rleDictionary],
          3: [...(column.of === undefined ? [] : [column.of]), column.name],
          4: CODECS[options.codec ?? "none"],
          5: BigInt(end - start),
          6: BigInt(offset - first),
          7: BigInt(offset - first),
          9: BigInt(data),
          11: data > first ? BigInt(first) : undefined,
        },
      };
    });
    groups.push({ 1: chunks, 2: BigInt(offset), 3: BigInt(end - start) });
  }
  const footer = thrift({
    1: 2,
    2: schemaOf(columns),
    3: BigInt(rows),
    4: groups,
    5: Object.entries(metadata).map(([key, value]) => ({ 1: key, 2: value })),
    6: "tests",
  });
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setUint32(0, footer.length, true);
  tail.set(parts[0], 4);
  return concatenate([...parts, footer, tail]);
}

function schemaOf(columns: readonly WrittenColumn[]): Fields[] {
  const elements: Fields[] = [];
  let last: string | undefined;
  for (const { name, type, converted, of } of columns) {
    if (of !== undefined && of !== last) {
      const children = columns.filter((column) => column.of === of).length;
      elements.push({ 3: OPTIONAL, 4: of, 5: children });
    }
    last = of;
    elements.push({ 1: TYPES[type], 3: OPTIONAL, 4: name, 6: converted });
  }
  const topLevel = new Set(columns.map(({ name, of }) => of ?? name)).size;
  return [{ 4: "schema", 5: topLevel }, ...elements];
}

function pagesOf(
  { type, of, values, isDictionary = false }: WrittenColumn,
  { rowsPerPage = Infinity, version = 1, codec = "none", hasChecksums = false, claimedBytes }: WriteParquetOptions,
): { dictionary: Uint8Array[]; data: Uint8Array[] } {
  const compressed = (bytes: Uint8Array) => compressors[codec](bytes);
  const page = (content: Uint8Array, uncompressed: number, fields: Fields) => [
    thrift({
      2: claimedBytes ?? uncompressed,
      3: content.length,
      4: hasChecksums ? crc32(content) | 0 : undefined,
      ...fields,
    }),
    content,
  ];
  const present = values.filter((value) => value !== null);
  const distinct = [...new Map(present.map((value) => [String(value), value])).entries()];
  const places = new Map(distinct.map(([text], place) => [text, place]));
  const dictionary: Uint8Array[] = [];
  if (isDictionary) {
    const bytes = plain(type, distinct.map(([, value]) => value));
    dictionary.push(
      ...page(compressed(bytes), bytes.length, { 1: 2, 7: { 1: distinct.length, 2: ENCODINGS.plain } }),
    );
  }
  const data: Uint8Array[] = [];
  const most = of === undefined ? 1 : 2;
  for (let start = 0; start < values.length; start += rowsPerPage) {
    const some = values.slice(start, start + rowsPerPage);
    const there = some.filter((value) => value !== null);
    const levels = runs(some.map((value) => value === null ? most - 1 : most), 1);
    const content = isDictionary
      ? concatenate([Uint8Array.of(32), runs(there.map((value) => places.get(String(value))!), 4)])
      : plain(type, there);
    const encoding = isDictionary ? ENCODINGS.rleDictionary : ENCODINGS.plain;
    if (version === 1) {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, levels.length, true);
      const bytes = concatenate([length, levels, content]);
      data.push(...page(compressed(bytes), bytes.length, {
        1: 0,
        5: { 1: some.length, 2: encoding, 3: ENCODINGS.rle, 4: ENCODINGS.rle },
      }));
    } else {
      const bytes = concatenate([levels, compressed(content)]);
      data.push(...page(bytes, levels.length + content.length, {
        1: 3,
        8: { 1: some.length, 2: some.length - there.length, 3: some.length, 4: encoding, 5: levels.length, 6: 0 },
      }));
    }
  }
  return { dictionary, data };
}

const compressors: Readonly<Record<keyof typeof CODECS, (bytes: Uint8Array) => Uint8Array>> = {
  none: (bytes) => bytes,
  snappy: literals,
  gzip: (bytes) => new Uint8Array(gzipSync(bytes)),
  zstd: (bytes) => new Uint8Array(zstdCompressSync(bytes)),
};

/** Snappy that copies nothing. */
function literals(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(varint(BigInt(bytes.length)))];
  for (let start = 0; start < bytes.length; start += 60) {
    const some = bytes.subarray(start, start + 60);
    parts.push(Uint8Array.of(some.length - 1 << 2), some);
  }
  return concatenate(parts);
}

function plain(type: WrittenColumn["type"], values: readonly (number | bigint | string | Uint8Array)[]): Uint8Array {
  if (type === "boolean") {
    const bits = new Uint8Array(Math.ceil(values.length / 8));
    values.forEach((value, index) => bits[index >> 3] |= Number(value) << (index & 7));
    return bits;
  }
  return concatenate(values.map((value) => {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (bytes instanceof Uint8Array) {
      const whole = new Uint8Array(4 + bytes.length);
      new DataView(whole.buffer).setUint32(0, bytes.length, true);
      whole.set(bytes, 4);
      return whole;
    }
    const view = new DataView(new ArrayBuffer(type === "int32" || type === "float" ? 4 : 8));
    if (type === "int32") view.setInt32(0, Number(bytes), true);
    else if (type === "int64") view.setBigInt64(0, BigInt.asIntN(64, BigInt(bytes)), true);
    else if (type === "float") view.setFloat32(0, Number(bytes), true);
    else view.setFloat64(0, Number(bytes), true);
    return new Uint8Array(view.buffer);
  }));
}

/** Runs of one value each, of so many bytes. */
function runs(values: readonly number[], width: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let start = 0; start < values.length;) {
    let end = start + 1;
    while (end < values.length && values[end] === values[start]) end++;
    bytes.push(...varint(BigInt(2 * (end - start))));
    for (let byte = 0; byte < width; byte++) bytes.push(values[start] >> 8 * byte & 255);
    start = end;
  }
  return Uint8Array.from(bytes);
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

function zigzag(value: number | bigint): number[] {
  const wide = BigInt(value);
  return varint(wide < 0n ? -2n * wide - 1n : 2n * wide);
}

/** Thrift's compact protocol. */
function thrift(fields: Fields): Uint8Array {
  return Uint8Array.from(struct(fields));
}

function struct(fields: Fields): number[] {
  const bytes: number[] = [];
  let last = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const field = Number(name);
    bytes.push((field - last) << 4 | typeOf(value), ...(typeof value === "boolean" ? [] : content(value)));
    last = field;
  }
  return [...bytes, 0];
}

function typeOf(value: Field): number {
  if (typeof value === "boolean") return value ? 1 : 2;
  if (typeof value === "number") return 5;
  if (typeof value === "bigint") return 6;
  if (typeof value === "string" || value instanceof Uint8Array) return 8;
  return Array.isArray(value) ? 9 : 12;
}

function content(value: Exclude<Field, boolean>): number[] {
  if (typeof value === "number" || typeof value === "bigint") return zigzag(value);
  if (typeof value === "string") return content(new TextEncoder().encode(value));
  if (value instanceof Uint8Array) return [...varint(BigInt(value.length)), ...value];
  if (!Array.isArray(value)) return struct(value as Fields);
  const type = value.length === 0 ? 12 : typeOf(value[0]);
  const head = value.length < 15 ? [value.length << 4 | type] : [0xf0 | type, ...varint(BigInt(value.length))];
  return [...head, ...value.flatMap((element) => content(element))];
}
