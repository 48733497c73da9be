/**
 * Label maps for reading: a file, a folder or many files as one sequence with random access.
 *
 * @module
 */

import { classArray, type LabelMapBatch, mapFormat, SCORE_ARRAYS } from "../base/label_map.ts";
import { permutation } from "../base/permutation.ts";
import { lazyThread } from "../base/thread.ts";
import { type LabelMapColumns, rowsOf } from "./label_map_columns.ts";
import type { MapArrays } from "./label_map_file.ts";
import type { LabelMapDescription } from "./label_map_reader.ts";
import type { LabelMapFunctions } from "./label_map_thread.ts";
import { type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";

/** Label maps that are open for reading. */
export interface LabelMaps extends LabelMapDescription {
  /** The file, folder or pattern that was opened. */
  readonly path: string;
  /**
   * Reads a row.
   *
   * @param index Position of the row, from 0.
   * @returns The row.
   * @throws {RangeError} If there is no such row, or it holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  get(index: number): Promise<LabelMapRow>;
  /** The first row with a key, undefined if none has it. All keys are read at the first call, and no other column. */
  indexOf(key: string): Promise<number | undefined>;
  /**
   * Reads all rows.
   *
   * @param order Absent for the order of the files. With a seed rows are shuffled, by seed and epoch (default 0) alone,
   *   every order being as likely; they are then read one by one, which is quick in Arrow files and where maps are preloaded,
   *   while a Parquet file decodes a page for each row.
   * @returns The rows.
   */
  rows(order?: { readonly seed: number; readonly epoch?: number }): AsyncIterable<LabelMapRow>;
  /** Keys and labels of the rows from position `start` to before `end`, in order; no other column is read. */
  list(range?: LabelMapRange): AsyncIterable<ListedRow>;
  /**
   * Reads the maps of some rows, as a training step takes them.
   *
   * @param indices Positions of the rows, in any order.
   * @returns Their maps in that order; a view where maps are preloaded and the rows follow each other.
   * @throws {RangeError} If there is no such row, or it holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  batch(indices: ArrayLike<number>): Promise<LabelMapBatch>;
  /**
   * The columns of rows from position `start` to before `end`, in order, some megabytes at a time. Classes and scores that
   * are preloaded are not copied, and not to be changed.
   *
   * @throws {RangeError} If a row holds a class or score that cannot be.
   * @throws {TypeError} If the file is damaged there.
   */
  columns(range?: LabelMapRange): AsyncIterable<LabelMapColumns>;
  /** Closes the files; nothing can be read afterwards. */
  close(): void;
}

/** A range of rows, by their position from 0. */
export interface LabelMapRange {
  /** The first row; default 0. */
  readonly start?: number;
  /** One after the last row; default the number of rows. */
  readonly end?: number;
}

/** Key and label of a row, without its map. */
export interface ListedRow extends Pick<LabelMapRow, "key" | "label"> {
  /** The file that holds it. */
  readonly path: string;
}

/** How label maps are opened. */
export interface OpenLabelMapsOptions {
  /** Whether all classes and scores are read at once and held in memory: k x H x W x 3 to 8 bytes per row. */
  readonly preload?: boolean;
  /** Bytes of decoded pages that are kept; default 64 MiB. The page that was read last is kept in any case. */
  readonly cacheBytes?: number;
}

/** Bytes of decoded pages that are kept, unless the caller says another number. */
const CACHE_BYTES = 64 * 2 ** 20;

/** Rows in another order that are asked for before their turn. */
const ROWS_AHEAD = 4;

const call = lazyThread<LabelMapFunctions>(new URL("./label_map_thread.ts", import.meta.url), "Cannot read label maps");

/**
 * Opens label maps.
 *
 * @param path A Parquet or Arrow file; a folder: the finished parts of its manifests, or all its Parquet and Arrow files in
 * natural order where it has none; or a pattern such as `labels/part-000*.parquet`.
 * @param options Whether to preload, and how much to cache. Without preloading, memory does not grow with the number of
 *   rows, except by 12 to 24 bytes per row once `indexOf` was called.
 * @returns The label maps; call `close` when done.
 * @throws {Deno.errors.NotFound} If there is no such file, or no finished part in the folder.
 * @throws {TypeError | RangeError} If a file or manifest is not valid, or files are not of one data set.
 */
export async function openLabelMaps(path: string, options: OpenLabelMapsOptions = {}): Promise<LabelMaps> {
  const subject = `Cannot read label maps from "${path}"`;
  const { id, description } = await call("open", path, options.cacheBytes ?? CACHE_BYTES);
  const { metadata, length } = description;
  let isOpen = true;

  function close(): void {
    if (isOpen) call("close", id).catch(() => {});
    isOpen = false;
  }

  function checkOpen(): void {
    if (!isOpen) throw new TypeError(`${subject}: it is closed`);
  }

  function checkRow(row: number): void {
    if (Number.isInteger(row) && row >= 0 && row < length) return;
    throw new RangeError(`${subject}: row ${row} is not among its ${length}`);
  }

  using opened = new DisposableStack();
  opened.defer(close);
  const held = options.preload ? await call("maps", id) : undefined;
  opened.move();

  async function readColumns(start: number, end: number): Promise<LabelMapColumns> {
    const { count, columns } = await call("columns", id, start, end, held === undefined);
    if (!held) return { count, columns };
    const maps = mapsHeld(held, start, count, metadata);
    return { count, columns: columns.with(4, { values: maps.class }).with(5, { values: maps.score }) };
  }

  async function get(index: number): Promise<LabelMapRow> {
    checkOpen();
    checkRow(index);
    return rowsOf(await readColumns(index, index + 1), metadata)[0];
  }

  const columns = (range: LabelMapRange = {}) => inPieces(range, length, readColumns, checkOpen);

  return {
    ...description,
    path,
    get,
    async indexOf(key) {
      checkOpen();
      return await call("find", id, key);
    },
    async *rows(order) {
      if (order) yield* inTurn(permutation(length, order), get);
      else for await (const piece of columns()) yield* rowsOf(piece, metadata);
    },
    async *list(range = {}) {
      const read = (start: number, end: number) => call("list", id, start, end);
      for await (const { path, keys, labels } of inPieces(range, length, read, checkOpen)) {
        for (const [place, key] of keys.entries()) yield { key, label: labels[place], path };
      }
    },
    async batch(indices) {
      checkOpen();
      for (let place = 0; place < indices.length; place++) checkRow(indices[place]);
      const maps = held ? gather(held, indices, metadata) : await call("maps", id, Uint32Array.from(indices));
      return { count: indices.length, ...mapFormat(metadata), ...maps };
    },
    columns,
    close,
  };
}

/** Some of the maps that are held, not copied. */
function mapsHeld(all: MapArrays, row: number, count: number, metadata: LabelMapMetadata): MapArrays {
  const [from, to] = [row, row + count].map((row) => row * mapLength(metadata));
  return { class: all.class.subarray(from, to), score: all.score.subarray(from, to) };
}

/** Maps of any rows, copied unless the rows follow each other. */
function gather(all: MapArrays, rows: ArrayLike<number>, metadata: LabelMapMetadata): MapArrays {
  const { length: count } = rows;
  if (count > 0 && Array.prototype.every.call(rows, (row, place) => row === rows[0] + place)) {
    return mapsHeld(all, rows[0], count, metadata);
  }
  const length = mapLength(metadata);
  const batch = {
    class: new (classArray(metadata.classes))(count * length),
    score: new SCORE_ARRAYS[metadata.dtype](count * length),
  };
  for (let place = 0; place < count; place++) {
    const map = mapsHeld(all, rows[place], 1, metadata);
    batch.class.set(map.class, place * length);
    batch.score.set(map.score, place * length);
  }
  return batch;
}

/** Reads a range of rows piece by piece, each while the one before it is used. */
async function* inPieces<Piece extends { readonly count: number }>(
  { start = 0, end = Infinity }: LabelMapRange,
  length: number,
  read: (start: number, end: number) => Promise<Piece>,
  checkOpen: () => void,
): AsyncGenerator<Piece> {
  checkOpen();
  const last = Math.min(end, length);
  const readFrom = (row: number) => row < last ? later(read(row, last)) : undefined;
  let row = Math.max(start, 0);
  for (let next = readFrom(row); next;) {
    const piece = await next;
    checkOpen();
    next = readFrom(row += piece.count);
    yield piece;
  }
}

/** Reads rows one by one, the next ones while one is used. */
async function* inTurn<Row>(order: Iterable<number>, get: (row: number) => Promise<Row>): AsyncGenerator<Row> {
  const asked: Promise<Row>[] = [];
  for (const row of order) {
    asked.push(later(get(row)));
    if (asked.length > ROWS_AHEAD) yield await asked.shift()!;
  }
  for (const row of asked) yield await row;
}

/** What is awaited in its turn, or never if its reader stops before: then its error is nobody's. */
function later<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}
