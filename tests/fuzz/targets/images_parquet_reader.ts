/**
 * A second reading of image Parquet, for comparison: written from the format's specification and from what
 * docs/images.md says of columns, without the reader that is tested. It knows what the samples hold and what a change
 * can make of them: columns that are not in lists, PLAIN and dictionary pages, no compression, Snappy, gzip and
 * Zstandard.
 *
 * @module
 * @see https://github.com/apache/parquet-format
 */

import { Buffer } from "node:buffer";
import { crc32, gunzipSync, zstdDecompressSync } from "node:zlib";

/** A row; undefined where it cannot be read. */
export interface ReadRow {
  readonly bytes: Uint8Array | null;
  readonly label: number | null;
}

/** What is read. */
export interface SecondReading {
  readonly rows: readonly (ReadRow | undefined)[];
  readonly classes: readonly string[] | null;
}

/** A Thrift structure; a field that occurs twice is what it was last. */
type Struct = Map<number, unknown>;

/** Reads Thrift's compact protocol from a place on. */
function thriftAt(file: Buffer, start: number): { value: Struct; end: number } {
  let at = start;
  const byte = () => {
    if (at >= file.length) throw new Error("end of file");
    return file[at++];
  };
  const unsigned = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const next = byte();
      value += BigInt(next & 127) << shift;
      if (next < 128) return value;
    }
    throw new Error("number without end");
  };
  const signed = () => {
    const value = unsigned();
    return Number(value & 1n ? -(value >> 1n) - 1n : value >> 1n);
  };
  const take = (length: number) => {
    if (at + length > file.length) throw new Error("end of file");
    return file.subarray(at, at += length);
  };
  const value = (type: number): unknown => {
    if (type === 1 || type === 2) return byte() === 1;
    if (type === 3) return byte() << 24 >> 24;
    if (type >= 4 && type <= 6) return signed();
    if (type === 7) return take(8);
    if (type === 8) return take(Number(unsigned()));
    if (type === 9 || type === 10) {
      const head = byte();
      const length = head >> 4 === 15 ? Number(unsigned()) : head >> 4;
      if (length > file.length - at) throw new Error("list without end");
      return Array.from({ length }, () => value(head & 15));
    }
    if (type === 12) return struct();
    throw new Error(`type ${type}`);
  };
  const struct = (): Struct => {
    const fields: Struct = new Map();
    for (let field = 0;;) {
      const head = byte();
      if ((head & 15) === 0) return fields;
      field = head >> 4 ? field + (head >> 4) : signed();
      fields.set(field, (head & 15) <= 2 ? (head & 15) === 1 : value(head & 15));
    }
  };
  return { value: struct(), end: at };
}

interface Column {
  readonly names: readonly string[];
  readonly type: number;
  readonly typeLength: number;
  readonly annotation: string;
  readonly level: number;
  readonly isInList: boolean;
}

const LABELS =
  "label labels finelabel coarselabel class cls target targets category classlabel labelid classid categoryid " +
  "classindex labelname classname categoryname";
const CONVERTED = [
  "text",
  "",
  "",
  "",
  "text",
  ...Array(6).fill(""),
  ...Array(4).fill("unsigned"),
  ...Array(4).fill("signed"),
];

/**
 * Reads a file.
 *
 * @param bytes The file.
 * @returns Rows and classes.
 * @throws {Error} If it is no Parquet file with images.
 */
export function readImages(bytes: Uint8Array): SecondReading {
  const file = Buffer.from(bytes);
  if (file.toString("latin1", 0, 4) !== "PAR1" || file.toString("latin1", file.length - 4) !== "PAR1") {
    throw new Error("magic");
  }
  const footerStart = file.length - 8 - file.readUInt32LE(file.length - 8);
  const footer = thriftAt(file.subarray(0, file.length - 8), footerStart).value;
  const columns = columnsOf(footer.get(2) as Struct[]);
  const metadata = new Map(
    (footer.get(5) as Struct[] ?? []).map((entry) => [String(entry.get(1)), String(entry.get(2))]),
  );
  const features = featuresOf(metadata.get("huggingface"));

  const isImage = ({ names, type, annotation, isInList }: Column) =>
    type === 6 && annotation === "none" && !isInList &&
    (names.length === 1 || names.length === 2 && plain(names[1]) === "bytes");
  const images = columns.filter(isImage);
  const image = images.find(({ names }) => features[names[0]]?._type === "Image") ??
    (images.length === 1 ? images[0] : undefined);
  if (!image) throw new Error("no image column, or several");
  const isLabel = (column: Column) =>
    column.names.length === 1 && column !== image && !column.isInList && kindOf(column) !== "";
  const label =
    LABELS.split(" ").flatMap((name) =>
      columns.filter((column) => isLabel(column) && plain(column.names[0]) === name)
    )[0] ??
      columns.find((column) => isLabel(column) && features[column.names[0]]?._type === "ClassLabel");

  const groups = footer.get(4) as Struct[];
  const total = groups.reduce((sum, group) => sum + (group.get(3) as number), 0);
  if (total !== footer.get(3)) throw new Error("number of rows");
  const read = (column: Column, group: Struct) => {
    const chunk = (group.get(1) as Struct[])[columns.indexOf(column)];
    return columnOf(file.subarray(0, footerStart), column, chunk.get(3) as Struct, group.get(3) as number);
  };
  const values = groups.flatMap((group) => {
    const [pictures, labels] = [read(image, group), label && read(label, group)];
    return Array.from({ length: group.get(3) as number }, (_, row) => ({
      picture: pictures[row],
      label: labels ? labels[row] : null,
    }));
  });
  const feature = label && features[label.names[0]];
  const named = feature?._type === "ClassLabel" && feature.names?.length > 0 ? feature.names as string[] : null;
  const isText = label !== undefined && kindOf(label) === "text";
  const texts = new Set(values.flatMap(({ label }) => isText ? textOf(label) ?? [] : []));
  const classes = named ?? (isText ? [...texts].sort(naturally) : null);
  return {
    classes,
    rows: values.map(({ picture, label }) => {
      if (picture === undefined || label === undefined) return undefined;
      return { bytes: picture as Uint8Array | null, label: labelOf(label, isText, classes) };
    }),
  };
}

// deno-lint-ignore no-explicit-any -- JSON
function featuresOf(text = "{}"): Record<string, any> {
  try {
    return JSON.parse(text)?.info?.features ?? {};
  } catch {
    return {};
  }
}

function labelOf(value: unknown, isText: boolean, classes: readonly string[] | null): number | null {
  if (value === null) return null;
  const number = isText ? classes!.indexOf(textOf(value) ?? "\0") : Number(value);
  const isValid = Number.isInteger(number) && number >= 0 && number < 2 ** 31 && number < (classes?.length ?? Infinity);
  return isValid ? number : null;
}

function textOf(value: unknown): string | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  const text = value.toString("utf8");
  return text.trim() !== "" && Buffer.from(text).equals(value) ? text : undefined;
}

/** Words without case by their letters, numbers by what they count, and where that is the same by the letters as they are. */
function naturally(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.toLowerCase().match(/^\D*|\d+|\D+/g)!);
  const byText = (a: string, b: string) => a === b ? 0 : a < b ? -1 : 1;
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const isNumber = /^\d/.test(left[index]) && /^\d/.test(right[index]);
    const order = isNumber ? Number(BigInt(left[index]) - BigInt(right[index])) : byText(left[index], right[index]);
    if (order !== 0) return order;
  }
  return left.length - right.length || byText(a, b);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}

function columnsOf(elements: readonly Struct[]): Column[] {
  const columns: Column[] = [];
  let next = 1;
  const visit = (names: readonly string[], level: number, isInList: boolean) => {
    const element = elements[next++];
    const path = [...names, String(element.get(4))];
    const repetition = element.get(3) ?? 0;
    const [deeper, inList] = [level + (repetition === 0 ? 0 : 1), isInList || repetition === 2];
    const children = element.get(5) as number | undefined ?? 0;
    for (let child = 0; child < children; child++) visit(path, deeper, inList);
    if (children === 0) {
      columns.push({
        names: path,
        type: element.get(1) as number,
        typeLength: element.get(2) as number,
        annotation: annotationOf(element),
        level: deeper,
        isInList: inList,
      });
    }
  };
  for (let child = 0; child < (elements[0].get(5) as number); child++) visit([], 0, false);
  if (next !== elements.length) throw new Error("schema");
  return columns;
}

function annotationOf(element: Struct): string {
  const logical = element.get(10) as Struct | undefined;
  if (logical && logical.size > 0) {
    const [[kind, value]] = logical;
    if (kind === 1 || kind === 4) return "text";
    return kind === 10 ? ((value as Struct).get(2) ? "signed" : "unsigned") : "other";
  }
  const converted = element.get(6) as number | undefined;
  return converted === undefined ? "none" : CONVERTED[converted] || "other";
}

/** What a column's values are as labels, empty if none. */
function kindOf({ type, annotation }: Column): string {
  if (type === 6) return annotation === "text" ? "text" : "";
  if (type === 1 || type === 2) return annotation === "other" || annotation === "text" ? "" : "number";
  return [0, 4, 5].includes(type) && annotation === "none" ? "number" : "";
}

/** The values of a chunk, undefined where they are on a page that is damaged. */
function columnOf(file: Buffer, column: Column, chunk: Struct, rows: number): unknown[] {
  const values: unknown[] = [];
  const damaged = (count: number) => Array(count).fill(undefined);
  try {
    const [dictionaryAt, dataAt] = [chunk.get(11) as number | undefined, chunk.get(9) as number];
    let at = dictionaryAt && dictionaryAt < dataAt ? dictionaryAt : dataAt;
    const end = at + (chunk.get(7) as number);
    let dictionary: unknown[] | undefined;
    if (!(at >= 4 && end <= file.length)) throw new Error("chunk");
    while (values.length < rows) {
      const { value: header, end: start } = thriftAt(file.subarray(0, end), at);
      const stored = file.subarray(start, at = start + (header.get(3) as number));
      if (!(at >= start && at <= end)) throw new Error("page");
      const head = [5, undefined, 7, 8][header.get(1) as number];
      if (head === undefined) continue;
      const info = header.get(head) as Struct;
      const count = info.get(1) as number;
      if (!(count >= 0 && count <= file.length)) throw new Error("number of values");
      if (head === 7) {
        dictionary = undefined;
        try {
          check(header, stored);
          const content = unpack(stored, chunk.get(4) as number, header.get(2) as number);
          dictionary = plainValues(content, column, count);
        } catch {
          // Pages that refer to it are damaged.
        }
        continue;
      }
      try {
        check(header, stored);
        values.push(...pageOf(stored, header, info, column, chunk.get(4) as number, dictionary));
      } catch {
        values.push(...damaged(count));
      }
    }
    if (values.length !== rows || chunk.get(5) !== rows) throw new Error("rows");
    return values;
  } catch {
    return damaged(rows);
  }
}

function check(header: Struct, stored: Buffer): void {
  const sum = header.get(4) as number | undefined;
  if (sum !== undefined && (crc32(stored) | 0) !== (sum | 0)) throw new Error("checksum");
}

function pageOf(
  stored: Buffer,
  header: Struct,
  info: Struct,
  column: Column,
  codec: number,
  dictionary: unknown[] | undefined,
): unknown[] {
  const count = info.get(1) as number;
  let levels: number[] = Array(count).fill(column.level);
  let content: Buffer;
  let encoding: number;
  if (header.get(1) === 0) {
    content = unpack(stored, codec, header.get(2) as number);
    encoding = info.get(2) as number;
    if (column.level > 0) {
      const length = content.readUInt32LE(0);
      if (4 + length > content.length) throw new Error("levels");
      levels = hybrid(content.subarray(4, 4 + length), bits(column.level), count);
      content = content.subarray(4 + length);
    }
  } else {
    encoding = info.get(4) as number;
    const [definition, repetition] = [info.get(5) as number, info.get(6) as number];
    if (repetition !== 0 || definition < 0 || definition > stored.length) throw new Error("levels");
    const rest = stored.subarray(definition);
    const isPacked = info.get(7) ?? true;
    content = isPacked ? unpack(rest, codec, (header.get(2) as number) - definition) : rest;
    if (column.level > 0) levels = hybrid(stored.subarray(0, definition), bits(column.level), count);
  }
  if (levels.some((level) => level > column.level)) throw new Error("level");
  const present = levels.filter((level) => level === column.level).length;
  const values = valuesOf(content, encoding, column, present, dictionary);
  let next = 0;
  return levels.map((level) => level === column.level ? values[next++] : null);
}

function valuesOf(content: Buffer, encoding: number, column: Column, count: number, dictionary?: unknown[]): unknown[] {
  if (encoding === 0) return plainValues(content, column, count);
  if (encoding === 2 || encoding === 8) {
    if (!dictionary) throw new Error("dictionary");
    if (count === 0) return [];
    const places = hybrid(content.subarray(1), content[0], count);
    if (places.some((place) => place >= dictionary.length)) throw new Error("place");
    return places.map((place) => dictionary[place]);
  }
  throw new Error(`encoding ${encoding}`);
}

function plainValues(content: Buffer, { type, annotation }: Column, count: number): unknown[] {
  let at = 0;
  return Array.from({ length: count }, (_, index): unknown => {
    switch (type) {
      case 0:
        return content.readUInt8(index >> 3) >> (index & 7) & 1;
      case 1:
        return annotation === "unsigned" ? content.readUInt32LE(4 * index) : content.readInt32LE(4 * index);
      case 2:
        return annotation === "unsigned" ? content.readBigUInt64LE(8 * index) : content.readBigInt64LE(8 * index);
      case 4:
        return content.readFloatLE(4 * index);
      case 5:
        return content.readDoubleLE(8 * index);
      case 6: {
        const end = at + 4 + content.readUInt32LE(at);
        if (end > content.length) throw new Error("value");
        const value = content.subarray(at + 4, end);
        at = end;
        return value;
      }
    }
    throw new Error(`type ${type}`);
  });
}

function bits(level: number): number {
  return level.toString(2).length;
}

/** Parquet's runs: one value many times, or groups of eight packed values. */
function hybrid(content: Buffer, width: number, count: number): number[] {
  const values: number[] = [];
  let at = 0;
  while (values.length < count) {
    let header = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = content.readUInt8(at++);
      header += (byte & 127) * scale;
      if (byte < 128) break;
      if (scale > 2 ** 62) throw new Error("run");
    }
    const times = header % 2 === 0 ? header / 2 : (header - 1) / 2 * 8;
    const left = Math.min(times, count - values.length);
    if (left === 0) throw new Error("empty run");
    if (header % 2 === 0) {
      let value = 0;
      for (let byte = 0; byte < Math.ceil(width / 8); byte++) value += content.readUInt8(at++) * 256 ** byte;
      for (let index = 0; index < left; index++) values.push(value);
    } else {
      for (let index = 0; index < left; index++) {
        let value = 0;
        for (let bit = 0; bit < width; bit++) {
          const place = index * width + bit;
          value += (content.readUInt8(at + (place >> 3)) >> (place & 7) & 1) * 2 ** bit;
        }
        values.push(value);
      }
      at += times / 8 * width;
    }
  }
  return values;
}

function unpack(stored: Buffer, codec: number, size: number): Buffer {
  const content = codec === 0
    ? stored
    : size === 0
    ? Buffer.alloc(0)
    : codec === 1
    ? snappy(stored, size)
    : codec === 2
    ? gunzipSync(stored, { maxOutputLength: size })
    : codec === 6
    ? zstdDecompressSync(stored, { maxOutputLength: size })
    : undefined;
  if (content?.length !== size) throw new Error("size");
  return Buffer.from(content);
}

function snappy(stored: Buffer, size: number): Buffer {
  const out: number[] = [];
  let at = 0;
  let claimed = 0;
  for (let scale = 1;; scale *= 128) {
    const byte = stored.readUInt8(at++);
    claimed += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (claimed !== size) throw new Error("size");
  while (at < stored.length) {
    const tag = stored[at++];
    if (tag % 4 === 0) {
      const extra = Math.max((tag >> 2) - 59, 0);
      const length = 1 + (extra > 0 ? stored.readUIntLE(at, extra) : tag >> 2);
      at += extra;
      if (at + length > stored.length || out.length + length > size) throw new Error("literal");
      for (const byte of stored.subarray(at, at + length)) out.push(byte);
      at += length;
      continue;
    }
    const extra = [0, 1, 2, 4][tag % 4];
    const low = stored.readUIntLE(at, extra);
    at += extra;
    const back = extra === 1 ? (tag >> 5) * 256 + low : low;
    const length = extra === 1 ? 4 + (tag >> 2 & 7) : 1 + (tag >> 2);
    if (back === 0 || back > out.length || out.length + length > size) throw new Error("copy");
    for (let index = 0; index < length; index++) out.push(out[out.length - back]);
  }
  return Buffer.from(out);
}
