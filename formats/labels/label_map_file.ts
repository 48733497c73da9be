/**
 * One file of label maps, open for reading: that it holds what its metadata says is checked when it is opened, and of
 * every row that is read.
 *
 * @module
 */

import { openArrow } from "../columns/arrow/decode/file.ts";
import type { Cache } from "../columns/cache.ts";
import { expectedScore, findWrongScore, scoreNumber } from "../base/scores.ts";
import type { Column } from "../columns/columns.ts";
import { labelMapColumns, listAt, nullable } from "./label_map_columns.ts";
import { containerOf } from "../columns/container.ts";
import { openParquet } from "../columns/parquet/decode/file.ts";
import { withSubject } from "../base/files.ts";
import type { FilePool, RandomAccessFile } from "../base/random_access.ts";
import type { ColumnSlice, Table } from "../columns/table.ts";
import type { Classes, Scores } from "../base/label_map.ts";
import { checkMetadata, type LabelMapMetadata, mapLength } from "./types.ts";
import { numberOf } from "../base/number_of.ts";
import { closing } from "../base/closing.ts";
import { parseJson } from "../base/json.ts";

/** An open file. */
export interface LabelMapFile {
  readonly metadata: LabelMapMetadata;
  /** Number of rows. */
  readonly length: number;
  /** Rows that are read together, in order. */
  readonly groups: readonly LabelMapGroup[];
  close(): void;
}

/** Classes and scores of some rows, one after the other. */
export interface MapArrays {
  readonly class: Classes;
  readonly score: Scores;
}

/** Rows that are read together. */
export interface LabelMapGroup {
  readonly rows: number;
  /** Keys of the rows from `start` to `end`, counted in the group. */
  keys(start: number, end: number): readonly string[];
  /** Labels of those rows, null where there is none. */
  labels(start: number, end: number): readonly (number | null)[];
  /** Classes and scores of those rows, one after the other; the arrays are not to be changed. */
  maps(start: number, end: number): MapArrays;
  /** The columns of those rows, their maps unless they are at hand; the arrays are not to be changed. */
  columns(start: number, end: number, maps?: MapArrays): readonly ColumnSlice[];
}

/**
 * Opens a file of label maps.
 *
 * @param path A Parquet file, or an Arrow file or stream.
 * @param pool Opens it.
 * @param cache Keeps what was decoded.
 * @returns The file.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError | RangeError} If it is not whole, does not say that it holds label maps, or its columns are not what
 * its metadata says.
 */
export function openLabelMapFile(path: string, pool: FilePool, cache: Cache): LabelMapFile {
  const subject = `Cannot read label map "${path}"`;
  using opened = new DisposableStack();
  const file = opened.use(closing(pool.open(path, subject)));
  const openTable = isArrow(file, path, subject) ? openArrow : openParquet;
  const table = openTable(file, subject, cache, path);
  const metadata = readMetadata(table, subject);
  const columns = labelMapColumns(metadata);
  checkColumns(table, columns, subject);
  let length = 0;
  const groups = table.groups.map((rows, group) => {
    const first = length;
    length += rows;
    return rowGroup({ table, metadata, columns, subject, group, first }, rows);
  });
  opened.move();
  return { metadata, length, groups, close: table.close };
}

/** What a file is, by how it begins, or by its name if that is damaged. */
function isArrow(file: RandomAccessFile, path: string, subject: string): boolean {
  const start = withSubject(subject, () => String.fromCharCode(...file.read(0, Math.min(file.size, 4))));
  if (start === "PAR1") return false;
  return start === "ARRO" || start === "\xff\xff\xff\xff" || containerOf(path) === "arrow";
}

function readMetadata({ entries }: Table, subject: string): LabelMapMetadata {
  const text = entries.get("relabel");
  if (text === undefined) throw new TypeError(`${subject}: it has no metadata entry "relabel"`);
  return checkMetadata(parseJson(text, `${subject}: its metadata entry "relabel" is not JSON`), subject);
}

/** Refuses a file whose columns are not the expected ones. */
function checkColumns(table: Table, columns: readonly Column[], subject: string): void {
  for (const column of columns) {
    const found = table.columns.get(column.name);
    if (!found) throw new TypeError(`${subject}: column "${column.name}" is missing`);
    const expected = column.shape === "list" ? `list of ${column.type}` : column.type;
    if (found.description !== expected) {
      throw new TypeError(`${subject}: column "${column.name}" is ${found.description}, expected ${expected}`);
    }
    if (column.listLength !== undefined && (found.listLength ?? column.listLength) !== column.listLength) {
      throw new TypeError(
        `${subject}: column "${column.name}" has ${
          numberOf(found.listLength!, "value")
        } a row, expected ${column.listLength}`,
      );
    }
  }
}

interface GroupContext {
  readonly table: Table;
  readonly metadata: LabelMapMetadata;
  readonly columns: readonly Column[];
  readonly subject: string;
  readonly group: number;
  /** Its first row, in the file. */
  readonly first: number;
}

function rowGroup({ table, metadata, columns, subject, group, first }: GroupContext, rows: number): LabelMapGroup {
  const [key, label, width, height, classes, scores, topClass, topProbability] = columns;
  const length = mapLength(metadata);

  function read(column: Column, start: number, end: number): ColumnSlice {
    return table.read(column, group, start, end);
  }

  function maps(start: number, end: number) {
    const map = read(classes, start, end).values as Classes;
    const score = read(scores, start, end).values as Scores;
    const wrongClass = findFrom(map, metadata.classes);
    if (wrongClass >= 0) throw classError("class", first + start + Math.floor(wrongClass / length), map[wrongClass]);
    const wrongScore = findWrongScore(score, metadata);
    if (wrongScore >= 0) {
      throw new RangeError(
        `${subject}: score of row ${first + start + Math.floor(wrongScore / length)} holds ${
          scoreNumber(score[wrongScore], metadata.dtype)
        }, expected ${expectedScore(metadata.scores)}`,
      );
    }
    return { class: map, score };
  }

  function classError(name: string, row: number, value: number): RangeError {
    return new RangeError(
      `${subject}: ${name} of row ${row} holds ${value}, expected less than ${metadata.classes}, the classes`,
    );
  }

  function columnsOf(start: number, end: number, known?: MapArrays): readonly ColumnSlice[] {
    const { class: map, score } = known ?? maps(start, end);
    const [tops, probabilities] = [topClass, topProbability].map((column) => read(column, start, end));
    for (let index = 0; index < end - start; index++) {
      const row = first + start + index;
      const top = listAt(tops, index) as Classes;
      const count = probabilities.offsets![index + 1] - probabilities.offsets![index];
      if (top.length !== count) {
        throw new TypeError(`${subject}: row ${row} has ${top.length} top classes and ${count} probabilities`);
      }
      const wrong = findFrom(top, metadata.classes);
      if (wrong >= 0) throw classError("top_class", row, top[wrong]);
    }
    const before = [key, label, width, height].map((column) => read(column, start, end));
    return [...before, { values: map }, { values: score }, tops, probabilities];
  }

  return {
    rows,
    keys: (start, end) => read(key, start, end).values as readonly string[],
    labels: (start, end) => nullable(read(label, start, end)),
    maps,
    columns: columnsOf,
  };
}

/** Where the first value is that is not below a limit, or -1. */
function findFrom(values: Classes, limit: number): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) if (values[index] > largest) largest = values[index];
  return largest < limit ? -1 : values.findIndex((value: number) => value >= limit);
}
