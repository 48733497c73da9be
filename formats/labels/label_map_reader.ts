/**
 * Files of label maps as one sequence of rows, read and decoded at once: what the thread of `label_map_thread.ts` does.
 *
 * @module
 */

import { classArray, SCORE_ARRAYS } from "../base/label_map.ts";
import { numberOf } from "../base/number_of.ts";
import { createFilePool } from "../base/random_access.ts";
import { createCache } from "../columns/cache.ts";
import type { ColumnSlice } from "../columns/table.ts";
import { indexKeys, type KeyIndex } from "./key_index.ts";
import { type LabelMapFile, type LabelMapGroup, type MapArrays, openLabelMapFile } from "./label_map_file.ts";
import { findLabelMaps, type LabelMapPaths } from "./label_map_paths.ts";
import type { LabelMapColumns } from "./label_map_columns.ts";
import { differences, type FolderClasses } from "./manifest.ts";
import { type LabelMapMetadata, mapLength } from "./types.ts";
import { closing } from "../base/closing.ts";

/** What is known of label maps once they are open. */
export interface LabelMapDescription extends FolderClasses {
  /** What all rows have in common: annotator, classes, k, grid, type of the scores. */
  readonly metadata: LabelMapMetadata;
  /** Number of rows. */
  readonly length: number;
  /** Paths of the files that hold the rows, in order. */
  readonly files: readonly string[];
}

/** A group of rows, its file, and its place in the whole. */
interface PlacedGroup {
  readonly group: LabelMapGroup;
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** Label maps that are open. */
export interface LabelMapReader {
  /** What messages begin with. */
  readonly subject: string;
  readonly description: LabelMapDescription;
  /** Where the rows are, in order. */
  readonly groups: readonly PlacedGroup[];
  /** Rows that are read in one go where all are wanted. */
  readonly step: number;
  /** All keys, from the first question for one on. */
  keyIndex?: KeyIndex;
  close(): void;
}

/** Bytes of maps that are read in one go where all are wanted. */
const STEP_BYTES = 4 * 2 ** 20;

/** Rows whose keys and labels are read in one go. */
const LISTED_TOGETHER = 1024;

/**
 * Opens label maps.
 *
 * @param path What {@linkcode findLabelMaps} takes.
 * @param cacheBytes Bytes of decoded pages that are kept.
 * @returns The open files.
 * @throws {Deno.errors.NotFound} If there is no such file, or no finished part in the folder.
 * @throws {TypeError | RangeError} If a file or manifest is not valid, or files are not of one data set.
 */
export function openLabelMapReader(path: string, cacheBytes: number): LabelMapReader {
  const subject = `Cannot read label maps from "${path}"`;
  const paths = findLabelMaps(path, subject);
  const opened = openFiles(paths, subject, cacheBytes);
  const [{ metadata }] = opened;
  const groups = placeGroups(opened, paths);
  const { classes, dataSetClasses } = paths;
  const files = paths.files.map(({ path }) => path);
  return {
    subject,
    description: { metadata, length: groups.at(-1)?.end ?? 0, files, classes, dataSetClasses },
    groups,
    step: Math.max(1, Math.floor(STEP_BYTES / (mapLength(metadata) * 8))),
    close: () => opened.forEach((file) => file.close()),
  };
}

/**
 * What label maps say of themselves, without a look at all their files.
 *
 * @param path What {@linkcode findLabelMaps} takes.
 * @returns The manifest's metadata, or without one those of the first file.
 * @throws {Deno.errors.NotFound} If there is no such file, or no finished part in the folder.
 * @throws {TypeError | RangeError} If the manifest or file is not valid.
 */
export function readLabelMapMetadata(path: string): LabelMapMetadata {
  const { files, metadata } = findLabelMaps(path, `Cannot read label maps from "${path}"`);
  if (metadata) return metadata;
  using file = closing(openLabelMapFile(files[0].path, createFilePool(), createCache(0)));
  return file.metadata;
}

/** Opens files whose metadata agree, also with what their manifest says. */
function openFiles({ files, metadata }: LabelMapPaths, subject: string, cacheBytes: number): LabelMapFile[] {
  const pool = createFilePool();
  const cache = createCache(cacheBytes);
  using made = new DisposableStack();
  const opened: LabelMapFile[] = [];
  for (const { path, rows } of files) {
    const file = made.use(closing(openLabelMapFile(path, pool, cache)));
    opened.push(file);
    if (rows !== undefined && file.length !== rows) {
      throw new TypeError(`${subject}: "${path}" has ${numberOf(file.length, "row")}, its manifest says ${rows}`);
    }
    const found = differences(metadata ?? opened[0].metadata, file.metadata);
    if (found.length > 0) {
      const other = metadata ? "its manifest" : `"${files[0].path}"`;
      throw new TypeError(`${subject}: "${path}" is not of one data set with ${other}: ${found.join("; ")}`);
    }
  }
  made.move();
  return opened;
}

function placeGroups(opened: readonly LabelMapFile[], { files }: LabelMapPaths): PlacedGroup[] {
  const groups: PlacedGroup[] = [];
  let length = 0;
  for (const [place, file] of opened.entries()) {
    for (const group of file.groups) {
      if (group.rows === 0) continue;
      groups.push({ group, path: files[place].path, start: length, end: length += group.rows });
    }
  }
  return groups;
}

/** The group that holds a row. */
function groupOf({ groups }: LabelMapReader, row: number): PlacedGroup {
  let [low, high] = [0, groups.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row < groups[middle].end) high = middle;
    else low = middle + 1;
  }
  return groups[low];
}

/**
 * Columns of the rows that follow a row, as many as are read in one go.
 *
 * @param reader Label maps.
 * @param start The first row.
 * @param end The row after the last one that is wanted; it need not be reached.
 * @param withMaps Whether classes and scores are wanted, whose columns are empty if not.
 * @returns Arrays of their own.
 */
export function readColumns(reader: LabelMapReader, start: number, end: number, withMaps: boolean): LabelMapColumns {
  const { group, start: first, end: last } = groupOf(reader, start);
  const stop = Math.min(end, last, start + reader.step);
  const nothing = { class: new Uint16Array(0), score: new Float32Array(0) };
  const columns = group.columns(start - first, stop - first, withMaps ? undefined : nothing);
  const own = columns.map(({ values, present, offsets }): ColumnSlice => ({
    values: values.slice() as ColumnSlice["values"],
    present: present?.slice(),
    offsets: offsets && Int32Array.from(offsets),
  }));
  return { count: stop - start, columns: own };
}

/** Keys and labels of the rows that follow a row, as many as are read in one go, and the file that holds them. */
export function readList(reader: LabelMapReader, start: number, end: number) {
  const { group, path, start: first, end: last } = groupOf(reader, start);
  const range = [start - first, Math.min(end, last, start + LISTED_TOGETHER) - first] as const;
  return { count: range[1] - range[0], path, keys: group.keys(...range), labels: group.labels(...range) };
}

/**
 * Classes and scores of some rows.
 *
 * @param reader Label maps.
 * @param rows The rows in any order; undefined for all.
 * @returns Arrays of their own.
 * @throws {RangeError} If they do not fit in memory.
 */
export function readMaps(reader: LabelMapReader, rows?: ArrayLike<number>): MapArrays {
  const { description: { metadata, length }, step } = reader;
  const count = rows?.length ?? length;
  const values = mapLength(metadata);
  const whole = allocate(reader, count);
  // In the order of the file a page serves all its rows that are wanted, and rows that follow each other are one read.
  const places = rows && Uint32Array.from({ length: count }, (_, place) => place).sort((a, b) => rows[a] - rows[b]);
  const placeOf = (next: number) => places?.[next] ?? next;
  const rowAt = (next: number) => rows?.[placeOf(next)] ?? next;
  for (let next = 0; next < count;) {
    const row = rowAt(next);
    const { group, start, end } = groupOf(reader, row);
    const most = Math.min(count - next, end - row, step);
    let run = 1;
    while (run < most && rowAt(next + run) === row + run) run++;
    const maps = group.maps(row - start, row - start + run);
    for (let index = 0; index < run; index++) {
      const [from, to] = [index * values, (index + 1) * values];
      whole.class.set(maps.class.subarray(from, to), placeOf(next + index) * values);
      whole.score.set(maps.score.subarray(from, to), placeOf(next + index) * values);
    }
    next += run;
  }
  return whole;
}

function allocate({ subject, description: { metadata } }: LabelMapReader, rows: number): MapArrays {
  const { classes, dtype } = metadata;
  const length = rows * mapLength(metadata);
  try {
    return { class: new (classArray(classes))(length), score: new SCORE_ARRAYS[dtype](length) };
  } catch (error) {
    throw new RangeError(`${subject}: ${numberOf(rows, "map")} do not fit in memory`, { cause: error });
  }
}

/** The first row with a key. All keys are read at the first call, and no other column. */
export function findKey(reader: LabelMapReader, key: string): number | undefined {
  const { groups, step, description: { length } } = reader;
  function* keys() {
    for (const { group } of groups) {
      for (let row = 0; row < group.rows; row += step) yield* group.keys(row, Math.min(row + step, group.rows));
    }
  }
  const keyAt = (row: number) => {
    const { group, start } = groupOf(reader, row);
    return group.keys(row - start, row - start + 1)[0];
  };
  reader.keyIndex ??= indexKeys(length, keys(), keyAt);
  return reader.keyIndex.find(key);
}
