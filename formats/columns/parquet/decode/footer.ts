/**
 * The footer of a Parquet file: its columns, its row groups, and what it says of itself.
 *
 * @module
 */

import { PHYSICAL_NAMES, PHYSICAL_TYPES, REPETITION } from "../format.ts";
import type { ValueType } from "../../columns.ts";
import { decodeThrift, type Thrift, type ThriftStruct } from "./thrift.ts";
import { numberOf } from "../../../base/number_of.ts";

/** What a file holds. */
export interface Footer {
  /** Key-value metadata. */
  readonly entries: ReadonlyMap<string, string>;
  /** The columns by name; of those that are neither a value nor a list of values, only what they are. */
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly groups: readonly { readonly rows: number; readonly chunks: readonly ChunkPosition[] }[];
}

/** A column. */
export interface ColumnSchema {
  /** In this format's words, or in Parquet's where it has none: `list of uint16`, `int64`. */
  readonly description: string;
  readonly leaf?: Leaf;
}

/** The values of a column. */
export interface Leaf {
  /** Position among the chunks of a row group. */
  readonly position: number;
  readonly type: ValueType;
  /** Definition level of a value that is there. */
  readonly definition: number;
  /** The definition level from which on a list has an element. */
  readonly element?: number;
}

/** A column chunk. */
export interface ChunkPosition {
  readonly codec: number;
  /** Levels, nulls included. */
  readonly valueCount: number;
  /** Where its first page begins, bytes from the start of the file. */
  readonly offset: number;
  readonly compressedBytes: number;
}

/**
 * Reads a footer.
 *
 * @param bytes The footer without its length and the closing magic.
 * @param dataEnd Offset of the footer in the file: chunks end before it.
 * @returns What the footer says of the file.
 * @throws {RangeError} If it contradicts itself or the file.
 */
export function decodeFooter(bytes: Uint8Array, dataEnd: number): Footer {
  const { entries, groups, columns } = decodeFileMetadata(bytes, dataEnd);
  return { entries, groups, columns: new Map(columns.map((element) => [element.name, columnSchema(element)])) };
}

/** What a footer says, the columns as they stand in the schema. */
export interface FileMetadata extends Omit<Footer, "columns"> {
  readonly columns: readonly SchemaElement[];
}

/**
 * Reads a footer of any columns.
 *
 * @param bytes The footer without its length and the closing magic.
 * @param dataEnd Offset of the footer in the file: chunks end before it.
 * @returns What the footer says of the file.
 * @throws {RangeError} If it contradicts itself or the file.
 */
export function decodeFileMetadata(bytes: Uint8Array, dataEnd: number): FileMetadata {
  const { fields } = decodeThrift(bytes);
  const { columns, leaves } = readSchema(list(fields[2], "schema"));
  const groups = list(fields[4], "row groups").map((group, index) => {
    const { 1: chunks, 3: rows } = struct(group, "row group");
    const positions = list(chunks, "column chunks").map((chunk) => chunkPosition(chunk, dataEnd));
    if (positions.length !== leaves) {
      throw new RangeError(`row group ${index} has ${numberOf(positions.length, "column")}, the schema ${leaves}`);
    }
    return { rows: count(rows, "number of rows"), chunks: positions };
  });
  const total = groups.reduce((sum, { rows }) => sum + rows, 0);
  if (total !== fields[3]) {
    throw new RangeError(`row groups have ${numberOf(total, "row")}, the file says ${fields[3]}`);
  }
  const entries = list(fields[5] ?? [], "metadata").map((entry) => {
    const { 1: key, 2: value } = struct(entry, "metadata entry");
    return [text(key, "metadata key"), value === undefined ? "" : text(value, "metadata value")] as const;
  });
  return { entries: new Map(entries), columns, groups };
}

function chunkPosition(chunk: Thrift, dataEnd: number): ChunkPosition {
  const { 1: path, 3: metadata } = struct(chunk, "column chunk");
  if (path !== undefined) throw new RangeError("a column chunk is in another file");
  const { 4: codec, 5: values, 7: bytes, 9: data, 11: dictionary } = struct(metadata, "column metadata");
  const dataOffset = count(data, "offset of a page");
  const dictionaryOffset = dictionary === undefined ? 0 : count(dictionary, "offset of a dictionary");
  const offset = dictionaryOffset > 0 && dictionaryOffset < dataOffset ? dictionaryOffset : dataOffset;
  const compressedBytes = count(bytes, "size of a column chunk");
  if (offset + compressedBytes > dataEnd) {
    throw new RangeError(
      `a column chunk of ${numberOf(compressedBytes, "byte")} at ${offset} ends after byte ${dataEnd}`,
    );
  }
  return { codec: count(codec, "codec"), valueCount: count(values, "number of values"), offset, compressedBytes };
}

/** An element of the schema, which is a tree laid out depth first. */
export interface SchemaElement {
  readonly fields: ThriftStruct;
  readonly name: string;
  readonly repetition: number;
  readonly children: readonly SchemaElement[];
  /** Number of columns of values before it. */
  readonly leavesBefore: number;
}

/** Groups within groups, at most. */
const MOST_DEPTH = 64;

function readSchema(elements: readonly Thrift[]): { columns: readonly SchemaElement[]; leaves: number } {
  let next = 0;
  let leaves = 0;
  function readElement(depth: number): SchemaElement {
    if (next >= elements.length) throw new RangeError(`schema ends after ${numberOf(next, "element")}`);
    if (depth > MOST_DEPTH) throw new RangeError(`schema is nested deeper than ${MOST_DEPTH}`);
    const fields = struct(elements[next++], "schema element");
    const name = text(fields[4], "name of a column");
    const repetition = fields[3] === undefined ? REPETITION.required : count(fields[3], "repetition");
    const childCount = fields[5] === undefined ? 0 : count(fields[5], "number of children");
    const leavesBefore = leaves;
    if (childCount > elements.length) throw new RangeError(`column ${JSON.stringify(name)} has ${childCount} children`);
    if (childCount === 0 && depth > 0) leaves++;
    const children = Array.from({ length: childCount }, () => readElement(depth + 1));
    return { fields, name, repetition, children, leavesBefore };
  }
  const root = readElement(0);
  if (next !== elements.length) {
    throw new RangeError(`schema has ${numberOf(elements.length - next, "element")} too many`);
  }
  const names = new Set(root.children.map(({ name }) => name));
  if (names.size !== root.children.length) throw new RangeError("two columns have the same name");
  return { columns: root.children, leaves };
}

/** A list is a group that holds a repeated group `list` that holds the element. */
function columnSchema({ fields, repetition, children, leavesBefore }: SchemaElement): ColumnSchema {
  const optional = (repetition: number) => repetition === REPETITION.optional ? 1 : 0;
  if (repetition === REPETITION.repeated) return { description: "repeated" };
  if (children.length === 0) {
    const { description, type } = valueType(fields);
    return { description, leaf: type && { position: leavesBefore, type, definition: optional(repetition) } };
  }
  const [repeated] = children;
  const [leaf] = repeated.children;
  const isList = children.length === 1 && repeated.repetition === REPETITION.repeated &&
    repeated.children.length === 1 && leaf.children.length === 0 && leaf.repetition !== REPETITION.repeated;
  if (!isList) return { description: "a structure" };
  const { description, type } = valueType(leaf.fields);
  const element = optional(repetition) + 1;
  return {
    description: `list of ${description}`,
    leaf: type && { position: leavesBefore, type, definition: element + optional(leaf.repetition), element },
  };
}

const CONVERTED_UTF8 = 0;

/** Numbers of the older annotations of integers. */
const CONVERTED_INTEGERS: Readonly<Record<number, string>> = {
  11: "uint8",
  12: "uint16",
  13: "uint32",
  15: "int8",
  16: "int16",
  17: "int32",
};

function valueType(fields: ThriftStruct): { description: string; type?: ValueType } {
  const { 1: physical, 2: length, 6: converted, 10: annotation } = fields;
  const logical = annotation === undefined ? {} : struct(annotation, "logical type");
  const known = (type: ValueType) => ({ description: type, type });
  switch (physical) {
    case PHYSICAL_TYPES.FLOAT:
      return known("float32");
    case PHYSICAL_TYPES.BYTE_ARRAY:
      if (logical[1] !== undefined || converted === CONVERTED_UTF8) return known("utf8");
      break;
    case PHYSICAL_TYPES.FIXED_LEN_BYTE_ARRAY:
      if (logical[15] !== undefined && length === 2) return known("float16");
      break;
    case PHYSICAL_TYPES.INT32: {
      const description = integerType(logical[10]) ?? CONVERTED_INTEGERS[converted as number] ?? "int32";
      const type = (["int32", "uint8", "uint16", "uint32"] as const).find((name) => name === description);
      return { description, type };
    }
  }
  return { description: PHYSICAL_NAMES[physical as number] ?? `type ${physical}` };
}

function integerType(logical: Thrift | undefined): string | undefined {
  if (logical === undefined) return undefined;
  const { 1: bits, 2: isSigned } = struct(logical, "integer type");
  return `${isSigned ? "" : "u"}int${count(bits, "width of an integer type")}`;
}

/** A field that must be a structure. */
export function struct(value: Thrift | undefined, what: string): ThriftStruct {
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
    throw new RangeError(`${what} is missing`);
  }
  return value as ThriftStruct;
}

/** A field that must be an integer, not negative. */
export function count(value: Thrift | undefined, what: string): number {
  if (typeof value !== "number") {
    throw new RangeError(`${what} is ${value === undefined ? "missing" : "not a number"}`);
  }
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} is ${value}`);
  return value;
}

function list(value: Thrift | undefined, what: string): readonly Thrift[] {
  if (!Array.isArray(value)) throw new RangeError(`${what} is missing`);
  return value;
}

function text(value: Thrift | undefined, what: string): string {
  if (!(value instanceof Uint8Array)) throw new RangeError(`${what} is missing`);
  return new TextDecoder().decode(value);
}
