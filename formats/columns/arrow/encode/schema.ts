/**
 * The Arrow schema of a label-map file.
 *
 * @module
 */

import type { Column, ValueType } from "../../columns.ts";
import { HEADERS, PRECISIONS, TYPES } from "../format.ts";
import { type FlatFields, int16, int32, int8, string, table, tables } from "./flatbuffer.ts";
import { encodeMessage } from "./message.ts";

/**
 * A schema.
 *
 * @param columns The columns, in order.
 * @param metadata Its entries, in order.
 * @returns The schema as a flatbuffer.
 */
export function schemaTable(
  columns: readonly Column[],
  metadata: readonly (readonly [key: string, value: string])[],
): FlatFields {
  return {
    1: tables(columns.map(columnField)),
    2: tables(metadata.map(([key, value]) => ({ 0: string(key), 1: string(value) }))),
  };
}

/**
 * The message that carries a schema, as the Parquet metadata entry `ARROW:schema` wants it.
 *
 * @param columns The columns, in order.
 * @param metadata Its entries, in order.
 * @returns The message's bytes.
 */
export function encodeSchemaMessage(
  columns: readonly Column[],
  metadata: readonly (readonly [key: string, value: string])[],
): Uint8Array<ArrayBuffer> {
  return encodeMessage(HEADERS.schema, schemaTable(columns, metadata), 0);
}

function columnField({ name, type, shape, listLength }: Column): FlatFields {
  if (shape !== "list") return valueField(name, type, shape === "optional");
  const children = [valueField("element", type, false)];
  return listLength === undefined
    ? field(name, false, TYPES.list, {}, children)
    : field(name, false, TYPES.fixedSizeList, { 0: int32(listLength) }, children);
}

const integer = (bits: number, isSigned: boolean): Kind => [TYPES.int, { 0: int32(bits), 1: int8(isSigned ? 1 : 0) }];
const float = (precision: number): Kind => [TYPES.float, { 0: int16(precision) }];

type Kind = readonly [type: number, parameters: FlatFields];

/** Values as types of Arrow. */
const KINDS: Readonly<Record<ValueType, Kind>> = {
  utf8: [TYPES.utf8, {}],
  int32: integer(32, true),
  uint8: integer(8, false),
  uint16: integer(16, false),
  uint32: integer(32, false),
  float16: float(PRECISIONS.half),
  float32: float(PRECISIONS.single),
};

function valueField(name: string, type: ValueType, isNullable: boolean): FlatFields {
  return field(name, isNullable, ...KINDS[type], []);
}

function field(name: string, isNullable: boolean, type: number, parameters: FlatFields, children: FlatFields[]) {
  return {
    0: string(name),
    1: int8(isNullable ? 1 : 0),
    2: int8(type),
    3: table(parameters),
    5: tables(children),
  };
}
