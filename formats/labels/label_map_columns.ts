// deno-lint-ignore-file camelcase -- types are called as in files and options

/**
 * The columns of label maps, which Parquet files and Arrow tables have alike.
 *
 * @module
 */

import { joinArrays } from "../base/bytes.ts";
import { classArray, type Classes, type LabelMapType, SCORE_ARRAYS, type Scores } from "../base/label_map.ts";
import type { Column, ColumnValues, PlacedColumn, ValueType } from "../columns/columns.ts";
import type { ColumnSlice } from "../columns/table.ts";
import { type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";

/** Rows that follow each other, by columns. */
export interface LabelMapColumns {
  /** Number of rows. */
  readonly count: number;
  /** Values of `key`, `label`, `width`, `height`, `class`, `score`, `top_class` and `top_probability`. */
  readonly columns: readonly ColumnSlice[];
}

const SCORE_TYPES: Readonly<Record<LabelMapType, ValueType>> = {
  fp32: "float32",
  fp16: "float16",
  fp8_e4m3: "uint8",
  fp8_e5m2: "uint8",
};

/** The type of a column of class indices, by the number of classes there are. */
export function classType(classes: number): "uint16" | "uint32" {
  return classArray(classes) === Uint16Array ? "uint16" : "uint32";
}

/**
 * The columns that rows are stored in.
 *
 * @param metadata Metadata of the file.
 * @returns Name, type and shape of each, in order.
 */
export function labelMapColumns(metadata: LabelMapMetadata): readonly Column[] {
  const type = classType(metadata.classes);
  const listLength = mapLength(metadata);
  return [
    { name: "key", type: "utf8", shape: "required" },
    { name: "label", type: "int32", shape: "optional" },
    { name: "width", type: "int32", shape: "required" },
    { name: "height", type: "int32", shape: "required" },
    { name: "class", type, shape: "list", listLength },
    { name: "score", type: SCORE_TYPES[metadata.dtype], shape: "list", listLength },
    { name: "top_class", type, shape: "list" },
    { name: "top_probability", type: "float32", shape: "list" },
  ];
}

/** Labels as a column, which has no value where there is none. */
export function labelColumn(labels: readonly (number | null)[]): PlacedColumn {
  return {
    type: "int32",
    values: Int32Array.from(labels.filter((label) => label !== null)),
    placement: { present: labels.map((label) => label !== null) },
  };
}

/**
 * The values of some rows: what a Parquet row group and an Arrow record batch are made of.
 *
 * @param rows Rows that fit the metadata.
 * @param metadata Metadata of the file.
 * @returns A column for each of {@linkcode labelMapColumns}, in that order.
 */
export function rowGroupColumns(
  rows: readonly LabelMapRow[],
  { classes, dtype }: LabelMapMetadata,
): readonly PlacedColumn[] {
  const classColumn = (arrays: readonly Classes[]) =>
    ({ type: classType(classes), values: joinArrays<Classes>(arrays, classArray(classes)) }) as ColumnValues;
  const scores = rows.map(({ score }) => score);
  const lengths = (arrays: readonly { length: number }[]) => ({ lengths: arrays.map(({ length }) => length) });
  const maps = lengths(scores);
  const tops = lengths(rows.map((row) => row.topClass));
  return [
    { type: "utf8", values: rows.map(({ key }) => key) },
    labelColumn(rows.map(({ label }) => label)),
    { type: "int32", values: Int32Array.from(rows, ({ width }) => width) },
    { type: "int32", values: Int32Array.from(rows, ({ height }) => height) },
    { ...classColumn(rows.map((row) => row.class)), placement: maps },
    {
      ...{ type: SCORE_TYPES[dtype], values: joinArrays<Scores>(scores, SCORE_ARRAYS[dtype]) } as ColumnValues,
      placement: maps,
    },
    { ...classColumn(rows.map(({ topClass }) => topClass)), placement: tops },
    { type: "float32", values: joinArrays(rows.map((row) => row.topProbability), Float32Array), placement: tops },
  ];
}

/**
 * Rows that were read by columns: what {@linkcode rowGroupColumns} undoes.
 *
 * @param columns Columns in the order of {@linkcode labelMapColumns}.
 * @param metadata What the rows have in common.
 * @returns Rows in arrays of their own.
 */
export function rowsOf({ columns }: LabelMapColumns, metadata: LabelMapMetadata): LabelMapRow[] {
  const length = mapLength(metadata);
  const [keys, labels, widths, heights, classes, scores, tops, probabilities] = columns;
  const labelOf = nullable(labels);
  return (keys.values as readonly string[]).map((key, index): LabelMapRow => ({
    key,
    label: labelOf[index],
    width: widths.values[index] as number,
    height: heights.values[index] as number,
    class: classes.values.slice(index * length, (index + 1) * length) as Classes,
    score: scores.values.slice(index * length, (index + 1) * length) as Scores,
    topClass: listAt(tops, index) as Classes,
    topProbability: listAt(probabilities, index) as Float32Array,
  }));
}

/** Values of an optional column, null where there is none. */
export function nullable({ values, present }: ColumnSlice): (number | null)[] {
  return Array.from(values as Int32Array, (value, index) => present?.[index] === 0 ? null : value);
}

/** A list of a column whose lists have any length. */
export function listAt({ values, offsets }: ColumnSlice, index: number): ColumnSlice["values"] {
  return values.slice(offsets![index], offsets![index + 1]);
}
