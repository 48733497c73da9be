/**
 * Columns of a table, for Parquet and Arrow files alike.
 *
 * @module
 */

/** What a column holds. Parquet keeps `uint8` to `uint32` as INT32, `float16` as FIXED_LEN_BYTE_ARRAY(2). */
export type ValueType = "utf8" | "int32" | "uint8" | "uint16" | "uint32" | "float16" | "float32";

/** A column: its values, or lists of them. */
export interface Column {
  readonly name: string;
  readonly type: ValueType;
  readonly shape: "required" | "optional" | "list";
  /** How many values each list has, where that is the same for all. */
  readonly listLength?: number;
}

/** The arrays of values of fixed width; `float16` are kept as their bits. */
export const VALUE_ARRAYS = {
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float16: Uint16Array,
  float32: Float32Array,
} as const;

/** The values of a column in a group of rows. */
export type ColumnValues =
  | { readonly type: "utf8"; readonly values: readonly string[] }
  | { readonly type: "int32"; readonly values: Int32Array }
  | { readonly type: "uint8"; readonly values: Uint8Array }
  | { readonly type: "uint16" | "float16"; readonly values: Uint16Array }
  | { readonly type: "uint32"; readonly values: Uint32Array }
  | { readonly type: "float32"; readonly values: Float32Array };

/** Where values stand in their rows. Without either, each row has one value. */
export interface Placement {
  /** For an optional column, whether each row has a value. */
  readonly present?: readonly boolean[];
  /** For a list column, the number of values in each row, at least 1. */
  readonly lengths?: readonly number[];
}

/** A column of a group of rows. */
export type PlacedColumn = ColumnValues & { readonly placement?: Placement };
