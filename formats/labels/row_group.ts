/**
 * A group of rows as columns: what a Parquet row group and an Arrow record batch are made of.
 *
 * @module
 */

import { joinArrays } from "../base/bytes.ts";
import type { ColumnValues, PlacedColumn } from "../columns/columns.ts";
import { classBits, type Classes, type LabelMapMetadata, type LabelMapRow, type Scores } from "./types.ts";

/**
 * The columns of some rows.
 *
 * @param rows Rows that fit the metadata.
 * @param metadata Of the file.
 * @returns A column for each of `labelMapColumns`, in that order.
 */
export function rowGroupColumns(rows: readonly LabelMapRow[], metadata: LabelMapMetadata): PlacedColumn[] {
  const labels = rows.map(({ label }) => label);
  const classes = (arrays: readonly Classes[]): ColumnValues =>
    classBits(metadata) === 16
      ? { type: "uint16", values: joinArrays(arrays, Uint16Array) }
      : { type: "uint32", values: joinArrays(arrays, Uint32Array) };
  const lengths = (arrays: readonly { length: number }[]) => ({ lengths: arrays.map(({ length }) => length) });
  const maps = lengths(rows.map((row) => row.class));
  const tops = lengths(rows.map((row) => row.topClass));
  return [
    { type: "utf8", values: rows.map(({ key }) => key) },
    {
      type: "int32",
      values: Int32Array.from(labels.filter((label) => label !== null)),
      placement: { present: labels.map((label) => label !== null) },
    },
    { type: "int32", values: Int32Array.from(rows, ({ width }) => width) },
    { type: "int32", values: Int32Array.from(rows, ({ height }) => height) },
    { ...classes(rows.map((row) => row.class)), placement: maps },
    { ...scoreColumn(rows.map(({ score }) => score), metadata), placement: maps },
    { ...classes(rows.map(({ topClass }) => topClass)), placement: tops },
    { type: "float32", values: joinArrays(rows.map((row) => row.topProbability), Float32Array), placement: tops },
  ];
}

function scoreColumn(scores: readonly Scores[], { dtype }: LabelMapMetadata): ColumnValues {
  switch (dtype) {
    case "fp32":
      return { type: "float32", values: joinArrays(scores, Float32Array) };
    case "fp16":
      return { type: "float16", values: joinArrays(scores, Uint16Array) };
    case "fp8_e4m3":
    case "fp8_e5m2":
      return { type: "uint8", values: joinArrays(scores, Uint8Array) };
  }
}
