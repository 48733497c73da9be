/**
 * Label maps for reading: a file, a folder or many files as one sequence with random access.
 *
 * @module
 */

import { createCache } from "../columns/cache.ts";
import type { ColumnSlice } from "../columns/table.ts";
import { indexKeys, type KeyIndex } from "./key_index.ts";
import { type LabelMapFile, openLabelMapFile, type RowGroup } from "./label_map_file.ts";
import { findLabelMaps, type LabelMapPaths } from "./label_map_paths.ts";
import { type ClassNames, differences } from "./manifest.ts";
import { permutation } from "../base/permutation.ts";
import { createFilePool } from "../base/random_access.ts";
import { classArray, type Classes, type LabelMapBatch, SCORE_ARRAYS, type Scores } from "../base/label_map.ts";
import { type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";
import { numberOf } from "../base/number_of.ts";

/** Label maps that are open for reading. */
export interface LabelMaps {
  /** The file, folder or pattern that was opened. */
  readonly path: string;
  /** What all rows have in common: annotator, classes, k, grid, type of the scores. */
  readonly metadata: LabelMapMetadata;
  /** Number of rows. */
  readonly length: number;
  /** The files that hold them, in order. */
  readonly files: readonly string[];
  /** The annotator's classes, where a manifest names them. */
  readonly classes?: ClassNames;
  /** The data set's own classes, where a manifest names them. */
  readonly dataSetClasses?: ClassNames;
  /**
   * One row.
   *
   * @throws {RangeError} If there is no such row, or it holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  get(index: number): Promise<LabelMapRow>;
  /** The first row with a key, undefined if none has it. All keys are read at the first call, and no other column. */
  indexOf(key: string): Promise<number | undefined>;
  /**
   * All rows, in order or shuffled: every order as likely, from seed and epoch (0 unless given) alone. Shuffled, rows are
   * read one by one: quick in Arrow files and what is preloaded, while a Parquet file is decoded a page for a row.
   */
  rows(order?: { readonly seed: number; readonly epoch?: number }): AsyncIterable<LabelMapRow>;
  /** What rows are of, from position `start` to before `end`, in order: keys and labels are read, and no other column. */
  list(range?: { readonly start?: number; readonly end?: number }): Iterable<ListedRow>;
  /**
   * Classes and scores of some rows, one after the other, as a training step takes them. What is preloaded is not copied
   * where the rows follow each other.
   *
   * @throws {RangeError} If there is no such row, or it holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  batch(indices: ArrayLike<number>): Promise<LabelMapBatch>;
  /**
   * The columns of rows from position `start` to before `end`, in order, some megabytes at a time. The arrays are those that
   * were read, not copies, and not to be changed.
   *
   * @throws {RangeError} If a row holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  columns(range?: { readonly start?: number; readonly end?: number }): AsyncIterable<LabelMapColumns>;
  /** Closes the files; nothing can be read afterwards. */
  close(): void;
}

/** Rows that follow each other, by columns. */
export interface LabelMapColumns {
  /** Number of rows. */
  readonly count: number;
  /** Values of `key`, `label`, `width`, `height`, `class`, `score`, `top_class` and `top_probability`. */
  readonly columns: readonly ColumnSlice[];
}

/** What a row is of, without its map. */
export interface ListedRow extends Pick<LabelMapRow, "key" | "label"> {
  /** The file that holds it. */
  readonly path: string;
}

/** How label maps are opened. */
export interface OpenLabelMapsOptions {
  /** Whether all classes and scores are read at once and held in memory: k x H x W x 3 to 8 bytes per row. */
  readonly preload?: boolean;
  /** Bytes of decoded pages that are kept, 64 MiB unless given. A page is kept until the next one is read in any case. */
  readonly cacheBytes?: number;
}

/** Bytes of decoded pages that are kept, unless the caller says another number. */
const CACHE_BYTES = 64 * 2 ** 20;

/** Rows whose keys and labels are read in one go. */
const LISTED_TOGETHER = 1024;

/** Bytes of maps that are read in one go where all are wanted. */
const STEP_BYTES = 4 * 2 ** 20;

/** A group of rows, its file, and its place in the whole. */
interface PlacedGroup {
  readonly group: RowGroup;
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Opens label maps.
 *
 * @param path A Parquet or Arrow file; a folder: the finished parts of its manifests, or all its Parquet and Arrow files in
 * natural order where it has none; or a pattern such as `labels/part-000*.parquet`.
 * @param options Whether to preload. If not, memory does not grow with the number of rows, but for 12 to 24 bytes per row
 * from the first `indexOf` on.
 * @returns The label maps; call `close` when done.
 * @throws {Deno.errors.NotFound} If there is no such file, or no finished part in the folder.
 * @throws {TypeError | RangeError} If a file or manifest is not valid, or files are not of one data set.
 */
// deno-lint-ignore require-await
export async function openLabelMaps(path: string, options: OpenLabelMapsOptions = {}): Promise<LabelMaps> {
  const subject = `Cannot read label maps from "${path}"`;
  const paths = findLabelMaps(path, subject);
  const { classes, dataSetClasses } = paths;
  const opened = openFiles(paths, subject, options.cacheBytes ?? CACHE_BYTES);
  const [{ metadata }] = opened;
  const groups: PlacedGroup[] = [];
  let length = 0;
  for (const [place, file] of opened.entries()) {
    for (const group of file.groups) {
      if (group.rows === 0) continue;
      groups.push({ group, path: paths.files[place].path, start: length, end: length += group.rows });
    }
  }
  const values = mapLength(metadata);
  const step = Math.max(1, Math.floor(STEP_BYTES / (values * 8)));
  let isOpen = true;
  let keyIndex: KeyIndex | undefined;

  function close(): void {
    isOpen = false;
    for (const file of opened) file.close();
  }

  function checkOpen(): void {
    if (!isOpen) throw new TypeError(`${subject}: it is closed`);
  }

  function groupOf(row: number): PlacedGroup {
    if (!Number.isInteger(row) || row < 0 || row >= length) {
      throw new RangeError(`${subject}: row ${row} is not among its ${length}`);
    }
    let [low, high] = [0, groups.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (row < groups[middle].end) high = middle;
      else low = middle + 1;
    }
    return groups[low];
  }

  /** Ranges of rows to read one after the other, none of them large. */
  function* ranges() {
    for (const { group, start, end } of groups) {
      for (let row = start; row < end; row += step) {
        yield { group, row, from: row - start, to: Math.min(row + step, end) - start };
      }
    }
  }

  function* keys() {
    for (const { group, from, to } of ranges()) yield* group.keys(from, to);
  }

  function keyAt(row: number): string {
    const { group, start } = groupOf(row);
    return group.keys(row - start, row - start + 1)[0];
  }

  function allocate(rows: number): { class: Classes; score: Scores } {
    const ClassArray = classArray(metadata.classes);
    const ScoreArray = SCORE_ARRAYS[metadata.dtype];
    try {
      return { class: new ClassArray(rows * values), score: new ScoreArray(rows * values) };
    } catch (error) {
      throw new RangeError(`${subject}: ${numberOf(rows, "map")} do not fit in memory`, { cause: error });
    }
  }

  function preload(): { class: Classes; score: Scores } {
    const whole = allocate(length);
    for (const { group, row, from, to } of ranges()) {
      const maps = group.maps(from, to);
      whole.class.set(maps.class, row * values);
      whole.score.set(maps.score, row * values);
    }
    return whole;
  }

  function gather(indices: ArrayLike<number>): { class: Classes; score: Scores } {
    const { length: count } = indices;
    const isRange = Array.prototype.every.call(indices, (row, place) => row === indices[0] + place);
    if (held && isRange && count > 0) {
      return mapsHeld(held, indices[0], count);
    }
    const batch = allocate(count);
    // In the order of the file a page serves all its rows that are wanted, and rows that follow each other are one read.
    const places = Uint32Array.from({ length: count }, (_, place) => place).sort((a, b) => indices[a] - indices[b]);
    for (let next = 0; next < count;) {
      const row = indices[places[next]];
      const { group, start, end } = groupOf(row);
      const most = Math.min(count - next, end - row, step);
      let run = 1;
      while (run < most && indices[places[next + run]] === row + run) run++;
      const maps = held ? mapsHeld(held, row, run) : group.maps(row - start, row - start + run);
      for (let index = 0; index < run; index++) {
        const [from, to] = [index * values, (index + 1) * values];
        batch.class.set(maps.class.subarray(from, to), places[next + index] * values);
        batch.score.set(maps.score.subarray(from, to), places[next + index] * values);
      }
      next += run;
    }
    return batch;
  }

  function mapsHeld({ class: map, score }: { class: Classes; score: Scores }, row: number, count: number) {
    const [from, to] = [row * values, (row + count) * values];
    return { class: map.subarray(from, to), score: score.subarray(from, to) };
  }

  let held: { class: Classes; score: Scores } | undefined;
  try {
    held = options.preload ? preload() : undefined;
  } catch (error) {
    close();
    throw error;
  }

  async function* rows(order?: { readonly seed: number; readonly epoch?: number }): AsyncIterable<LabelMapRow> {
    if (order) {
      for (const row of permutation(length, order)) yield await get(row);
    } else {
      for (const { group, from, to } of ranges()) {
        checkOpen();
        yield* group.read(from, to);
      }
    }
  }

  function* list({ start = 0, end = length }: { start?: number; end?: number } = {}): Generator<ListedRow> {
    for (const { group, path, start: first, end: last } of groups) {
      const [from, to] = [Math.max(start, first), Math.min(end, last)];
      for (let row = from; row < to; row += LISTED_TOGETHER) {
        checkOpen();
        const range = [row - first, Math.min(row + LISTED_TOGETHER, to) - first] as const;
        const labels = group.labels(...range);
        for (const [place, key] of group.keys(...range).entries()) yield { key, label: labels[place], path };
      }
    }
  }

  async function* columns({ start = 0, end = length }: { start?: number; end?: number } = {}) {
    for (const { group, row, from, to } of ranges()) {
      checkOpen();
      const [first, last] = [Math.max(from, from + start - row), Math.min(to, from + end - row)];
      if (first >= last) continue;
      const [count, maps] = [last - first, held && mapsHeld(held, row + first - from, last - first)];
      yield { count, columns: group.columns(first, last, maps) };
    }
  }

  // deno-lint-ignore require-await
  async function get(index: number): Promise<LabelMapRow> {
    checkOpen();
    const { group, start } = groupOf(index);
    return group.read(index - start, index - start + 1)[0];
  }

  return {
    path,
    metadata,
    length,
    files: paths.files.map(({ path }) => path),
    classes,
    dataSetClasses,
    get,
    // deno-lint-ignore require-await
    async indexOf(key) {
      checkOpen();
      keyIndex ??= indexKeys(length, keys(), keyAt);
      return keyIndex.find(key);
    },
    rows,
    list,
    // deno-lint-ignore require-await
    async batch(indices) {
      checkOpen();
      for (let place = 0; place < indices.length; place++) groupOf(indices[place]);
      const { k, grid, classes, dtype } = metadata;
      return { count: indices.length, k, grid, classes, dtype, ...gather(indices) };
    },
    columns,
    close,
  };
}

/** Opens files whose metadata agree, also with what their manifest says. */
function openFiles({ files, metadata }: LabelMapPaths, subject: string, cacheBytes: number): LabelMapFile[] {
  const pool = createFilePool();
  const cache = createCache(cacheBytes);
  const opened: LabelMapFile[] = [];
  try {
    for (const { path, rows } of files) {
      const file = openLabelMapFile(path, pool, cache);
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
    return opened;
  } catch (error) {
    for (const file of opened) file.close();
    throw error;
  }
}
