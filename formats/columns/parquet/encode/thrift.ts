/**
 * Thrift's compact protocol, as far as Parquet's headers and footer need it: how structures become bytes.
 *
 * A structure is its fields, each a byte (step from the field before, type) and a value, and a zero. Integers are
 * zigzag varints, so that small magnitudes are short; strings and lists carry their length first.
 *
 * @module
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** A value with its Thrift type. */
export type ThriftValue =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "i8" | "i32" | "i64"; readonly value: number }
  | { readonly type: "string"; readonly value: Uint8Array }
  | { readonly type: "list"; readonly element: "i32" | "string" | "struct"; readonly value: readonly ThriftValue[] }
  | { readonly type: "struct"; readonly value: ThriftFields };

/** The fields of a structure by their numbers; ascending, as JavaScript keeps integer keys. */
export type ThriftFields = { readonly [field: number]: ThriftValue | undefined };

const TYPES = { i8: 3, i32: 5, i64: 6, string: 8, list: 9, struct: 12 } as const;

export const i8 = (value: number): ThriftValue => ({ type: "i8", value });
export const i32 = (value: number): ThriftValue => ({ type: "i32", value });
export const i64 = (value: number): ThriftValue => ({ type: "i64", value });
export const bool = (value: boolean): ThriftValue => ({ type: "bool", value });
export const binary = (value: Uint8Array): ThriftValue => ({ type: "string", value });
export const string = (value: string): ThriftValue => binary(new TextEncoder().encode(value));
export const struct = (value: ThriftFields): ThriftValue => ({ type: "struct", value });
export const list = (element: "i32" | "string" | "struct", value: readonly ThriftValue[]): ThriftValue => ({
  type: "list",
  element,
  value,
});

/**
 * The bytes of a structure.
 *
 * @param fields Its fields; those that are undefined are left out.
 * @returns The encoded bytes.
 */
export function encodeThrift(fields: ThriftFields): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  pushStruct(bytes, fields);
  return Uint8Array.from(bytes);
}

/**
 * The bytes of a value alone, without the field that it is of.
 *
 * @param value The value; a bool has none, since its field says it.
 * @returns The encoded bytes.
 */
export function encodeThriftValue(value: ThriftValue): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  pushValue(bytes, value);
  return Uint8Array.from(bytes);
}

/**
 * Appends an unsigned integer, seven bits per byte, the lowest first.
 *
 * @param bytes What it is appended to.
 * @param value A safe integer, not negative.
 */
export function pushVarint(bytes: number[], value: number): void {
  while (value >= 0x80) {
    bytes.push(value % 0x80 | 0x80);
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
}

function pushStruct(bytes: number[], fields: ThriftFields): void {
  let last = 0;
  for (const [key, field] of Object.entries(fields)) {
    if (field === undefined) continue;
    const id = Number(key);
    const type = field.type === "bool" ? (field.value ? 1 : 2) : TYPES[field.type];
    if (id - last > 15) throw new RangeError(`Cannot encode Thrift field ${id}: more than 15 after field ${last}`);
    bytes.push((id - last) << 4 | type);
    last = id;
    if (field.type !== "bool") pushValue(bytes, field);
  }
  bytes.push(0);
}

function pushValue(bytes: number[], value: ThriftValue): void {
  switch (value.type) {
    case "bool":
      bytes.push(value.value ? 1 : 2);
      break;
    case "i8":
      bytes.push(value.value & 0xff);
      break;
    case "i32":
    case "i64":
      pushVarint(bytes, value.value < 0 ? -2 * value.value - 1 : 2 * value.value);
      break;
    case "string":
      pushBytes(bytes, value.value);
      break;
    case "list":
      if (value.value.length < 15) bytes.push(value.value.length << 4 | TYPES[value.element]);
      else {
        bytes.push(0xf0 | TYPES[value.element]);
        pushVarint(bytes, value.value.length);
      }
      for (const element of value.value) pushValue(bytes, element);
      break;
    case "struct":
      pushStruct(bytes, value.value);
      break;
  }
}

function pushBytes(bytes: number[], content: Uint8Array): void {
  pushVarint(bytes, content.length);
  for (const byte of content) bytes.push(byte);
}
