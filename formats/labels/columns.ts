/**
 * The columns of a label-map file, by its metadata. Parquet files and Arrow tables have the same ones in this order.
 *
 * @module
 */

import {
  columnFromArray,
  type DataType,
  field,
  fixedSizeList,
  float16,
  float32,
  int32,
  list,
  tableFromColumns,
  tableToIPC,
  uint16,
  uint32,
  uint8,
  utf8,
} from "@uwdata/flechette";
import type { Column, ValueType } from "./parquet/column.ts";
import { classBits, type LabelMapMetadata, type LabelMapType, mapLength } from "./types.ts";

const SCORE_TYPES: Readonly<Record<LabelMapType, ValueType>> = {
  fp32: "float32",
  fp16: "float16",
  fp8_e4m3: "uint8",
  fp8_e5m2: "uint8",
};

/**
 * The columns that rows are stored in.
 *
 * @param metadata Of the file.
 * @returns Name, type and shape of each, in order.
 */
export function labelMapColumns(metadata: LabelMapMetadata): readonly Column[] {
  const classType = classBits(metadata) === 16 ? "uint16" : "uint32";
  const listLength = mapLength(metadata);
  return [
    { name: "key", type: "utf8", shape: "required" },
    { name: "label", type: "int32", shape: "optional" },
    { name: "width", type: "int32", shape: "required" },
    { name: "height", type: "int32", shape: "required" },
    { name: "class", type: classType, shape: "list", listLength },
    { name: "score", type: SCORE_TYPES[metadata.dtype], shape: "list", listLength },
    { name: "top_class", type: classType, shape: "list" },
    { name: "top_probability", type: "float32", shape: "list" },
  ];
}

/**
 * The Arrow schema of the columns, as the Parquet metadata entry `ARROW:schema` wants it: an encapsulated IPC message in
 * base64. It is what tells Arrow's readers that the lists of a map all have the same length.
 *
 * @param columns The columns, in order.
 * @returns Base64.
 */
export function arrowSchema(columns: readonly Column[]): string {
  const table = tableFromColumns(columns.map((column) => [column.name, columnFromArray([], arrowType(column))]));
  const stream = tableToIPC(table, { format: "stream" })!;
  const messageLength = 8 + new DataView(stream.buffer, stream.byteOffset).getUint32(4, true);
  return stream.subarray(0, messageLength).toBase64();
}

function arrowType({ type, shape, listLength }: Column): DataType {
  const value = { utf8, int32, uint8, uint16, uint32, float16, float32 }[type]();
  if (shape !== "list") return value;
  const element = field("element", value, false);
  return listLength === undefined ? list(element) : fixedSizeList(element, listLength);
}
