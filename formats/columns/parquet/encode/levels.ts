/**
 * Repetition and definition levels: where lists begin, and which values are there.
 *
 * Levels are written in Parquet's run-length encoding: a run is `varint(length << 1)` and the level in a byte. Lists of a
 * thousand values make two runs each, which compress to almost nothing.
 *
 * @module
 * @see https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 */

import { pushVarint } from "./thrift.ts";

/** How many times a level stands in a row. */
export interface LevelRun {
  readonly level: 0 | 1;
  readonly length: number;
}

/**
 * The repetition levels of lists: 0 where a list begins, 1 for its other values.
 *
 * @param lengths Number of values in each list, at least 1.
 * @returns Runs; neighbours may have the same level.
 */
export function repetitionRuns(lengths: readonly number[]): LevelRun[] {
  return lengths.flatMap((length) => [{ level: 0, length: 1 }, { level: 1, length: length - 1 }] as const);
}

/**
 * The definition levels of a column that may be null: 1 where there is a value.
 *
 * @param present Whether each row has a value.
 * @returns Runs; neighbours may have the same level.
 */
export function definitionRuns(present: readonly boolean[]): LevelRun[] {
  return present.map((there) => ({ level: there ? 1 : 0, length: 1 }));
}

/**
 * Encodes levels of one bit for a data page of version 1: their length in bytes, then the runs.
 *
 * @param runs Levels; runs of length 0 are skipped, neighbours of the same level joined.
 * @returns The encoded levels.
 */
export function encodeLevels(runs: readonly LevelRun[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [0, 0, 0, 0];
  let level = 0;
  let length = 0;
  const push = () => {
    if (length === 0) return;
    pushVarint(bytes, length * 2);
    bytes.push(level);
  };
  for (const run of runs) {
    if (run.length === 0) continue;
    if (run.level !== level) {
      push();
      level = run.level;
      length = 0;
    }
    length += run.length;
  }
  push();
  const encoded = Uint8Array.from(bytes);
  new DataView(encoded.buffer).setUint32(0, bytes.length - 4, true);
  return encoded;
}
