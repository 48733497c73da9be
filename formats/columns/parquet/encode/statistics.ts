/**
 * What a column chunk says of its values: the least and the greatest, by which readers pass over row groups that cannot
 * hold what they look for.
 *
 * Kept for the columns that rows are found by: strings and plain integers. Nobody looks for a map by its least logit.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { bytesOf } from "../../../base/bytes.ts";
import type { ColumnValues } from "../../columns.ts";

/** Bounds of a column chunk, in Parquet's plain encoding without lengths. */
export interface Statistics {
  readonly nullCount: number;
  /** Absent if all values are null. */
  readonly bounds?: { readonly least: Uint8Array; readonly greatest: Uint8Array };
}

/**
 * The bounds of some values. Strings are ordered by the bytes of their UTF-8, as Parquet orders them.
 *
 * @param column The values that are not null.
 * @param nullCount How many are.
 * @returns Their statistics; undefined for types that have none.
 */
export function columnStatistics(column: ColumnValues, nullCount: number): Statistics | undefined {
  if (column.type !== "utf8" && column.type !== "int32") return undefined;
  if (column.values.length === 0) return { nullCount };
  if (column.type === "int32") {
    const least = column.values.reduce((a, b) => Math.min(a, b));
    const greatest = column.values.reduce((a, b) => Math.max(a, b));
    return { nullCount, bounds: { least: bytesOf(Int32Array.of(least)), greatest: bytesOf(Int32Array.of(greatest)) } };
  }
  const encoder = new TextEncoder();
  const [first, ...rest] = column.values.map((value) => encoder.encode(value));
  let [least, greatest] = [first, first];
  for (const value of rest) {
    if (Buffer.compare(value, least) < 0) least = value;
    if (Buffer.compare(value, greatest) > 0) greatest = value;
  }
  return { nullCount, bounds: { least, greatest } };
}
