/**
 * Label maps as tables of `apache-arrow`, for programs that work on such: an entry point of its own, so that nobody else
 * downloads that package.
 *
 * ```ts
 * import { toArrow } from "./arrow.ts";
 * import { openLabelMaps } from "./mod.ts";
 *
 * const labelMaps = await openLabelMaps("labels");
 * const table = await toArrow(labelMaps, { start: 0, end: 100 });
 * console.log(table.numRows, table.getChild("class")!.get(0).toArray());
 * labelMaps.close();
 * ```
 *
 * @module
 */

import {
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Uint16,
  Uint32,
  Uint8,
  Utf8,
  vectorFromArray,
  // deno-lint-ignore no-import-prefix -- what the import map names is downloaded by every command
} from "npm:apache-arrow@21.2.0";
import type { Column, ValueType } from "./formats/columns/columns.ts";
import type { ColumnSlice } from "./formats/columns/table.ts";
import { labelMapColumns } from "./formats/labels/label_map_columns.ts";
import type { LabelMaps } from "./formats/labels/mod.ts";

/**
 * Rows of label maps as an Arrow table: a record batch for some megabytes of them. The columns, and the metadata entry
 * `relabel`, are those of the Arrow files that `deno task relabel --container arrow` writes:
 *
 * | column                  | type                                      | shape                   |
 * | ----------------------- | ----------------------------------------- | ----------------------- |
 * | `key`                   | Utf8                                      | `[N]`                   |
 * | `label`                 | Int32, null if unknown                    | `[N]`                   |
 * | `width`, `height`       | Int32, pixels                             | `[N]`                   |
 * | `class`                 | FixedSizeList of Uint16, or of Uint32     | `[N, k x H x W]`        |
 * | `score`                 | FixedSizeList of Float32, Float16, Uint8  | `[N, k x H x W]`        |
 * | `top_class`             | List of Uint16, or of Uint32              | `[N]`, 1 to 5 values    |
 * | `top_probability`       | List of Float32                           | `[N]`, 1 to 5 values    |
 *
 * Classes take 32 bits from 65,536 classes on; scores are Uint8, the bits of E4M3 or E5M2, where the maps' dtype has 8 bits.
 * Numbers are not copied: what was read from the file, or what is preloaded, is the table's memory, and not to be changed.
 * Of Float16 apache-arrow's `get(i)` gives numbers, `toArray()` the bits.
 *
 * @param labelMaps Open label maps; they may be closed when the table is there.
 * @param range Rows from `start` to before `end`; all unless given.
 * @returns The table.
 * @throws {RangeError} If a row holds a class or score that cannot be.
 * @throws {TypeError} If a file is damaged there.
 */
export async function toArrow(
  labelMaps: Pick<LabelMaps, "metadata" | "columns">,
  range: { readonly start?: number; readonly end?: number } = {},
): Promise<Table> {
  const fields = labelMapColumns(labelMaps.metadata).map(arrowField);
  const schema = new Schema(fields, new Map([["relabel", JSON.stringify(labelMaps.metadata)]]));
  const batches: RecordBatch[] = [];
  for await (const { count, columns } of labelMaps.columns(range)) {
    const children = columns.map((slice, place) => arrowData(fields[place].type, slice, count));
    batches.push(new RecordBatch(schema, makeData({ type: new Struct(fields), length: count, children })));
  }
  return new Table(schema, batches);
}

function arrowField({ name, type, shape, listLength }: Column): Field {
  const value = arrowType(type);
  if (shape !== "list") return new Field(name, value, shape === "optional");
  const element = new Field("element", value, false);
  return new Field(name, listLength === undefined ? new List(element) : new FixedSizeList(listLength, element), false);
}

function arrowType(type: ValueType): DataType {
  switch (type) {
    case "utf8":
      return new Utf8();
    case "int32":
      return new Int32();
    case "uint8":
      return new Uint8();
    case "uint16":
      return new Uint16();
    case "uint32":
      return new Uint32();
    case "float16":
      return new Float16();
    case "float32":
      return new Float32();
  }
}

/** A column of some rows, around the arrays that it was read into. */
function arrowData(type: DataType, { values, present, offsets }: ColumnSlice, length: number): Data {
  if (type instanceof Utf8) return vectorFromArray(values as readonly string[], type).data[0];
  if (type instanceof Int32) {
    const nullBitmap = present && validity(present);
    const nullCount = present?.reduce((nulls, there) => nulls + 1 - there, 0) ?? 0;
    return makeData({ type, length, data: values as Int32Array, nullBitmap, nullCount });
  }
  const child = makeData({ type: type.children[0].type, length: values.length, data: values });
  return type instanceof List
    ? makeData({ type, length, valueOffsets: Int32Array.from(offsets!), child })
    : makeData({ type: type as FixedSizeList, length, child });
}

/** A bit for each row, the lowest of each byte first. */
function validity(present: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(present.length / 8));
  present.forEach((there, row) => bits[row >> 3] |= there << (row & 7));
  return bits;
}
