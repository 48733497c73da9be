/**
 * Reading label maps as their users do, and what every row that a reader gives must be.
 *
 * @module
 */

import { equal } from "@std/assert";
import { join } from "@std/path";
import {
  classArray,
  type Container,
  createLabelMapFile,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMaps,
  mapLength,
  openLabelMaps,
  SCORE_ARRAYS,
  topLength,
} from "../../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { promise } from "../sample.ts";

/** Everything in a file or folder of label maps. */
export interface LabelMapContent {
  readonly metadata: LabelMapMetadata;
  readonly rows: readonly LabelMapRow[];
}

/** Rows of a sample. */
const ROWS = 12;

/**
 * Reads all rows in order; then all again in a seeded order, as a batch and by key, which must be the same ones.
 *
 * @param path What to open.
 * @returns Metadata and rows.
 */
export async function readLabelMaps(path: string): Promise<LabelMapContent> {
  const labelMaps = await openLabelMaps(path);
  try {
    const { metadata, length } = labelMaps;
    const rows = await Array.fromAsync(labelMaps.rows());
    promise(rows.length === length, `${rows.length} rows came, ${length} were promised`);
    for (const row of rows) checkRow(row, metadata);
    await checkAccess(labelMaps, rows);
    return { metadata, rows };
  } finally {
    labelMaps.close();
  }
}

async function checkAccess(labelMaps: LabelMaps, rows: readonly LabelMapRow[]): Promise<void> {
  const { length } = labelMaps;
  const backwards = Array.from({ length }, (_, index) => length - 1 - index);
  for (const index of backwards) {
    promise(equal(await labelMaps.get(index), rows[index]), `get(${index}) is another row`);
  }
  const batch = await labelMaps.batch(backwards);
  const size = mapLength(labelMaps.metadata);
  for (const name of ["class", "score"] as const) {
    for (const [place, index] of backwards.entries()) {
      const found = batch[name].subarray(place * size, (place + 1) * size);
      promise(equal(found, rows[index][name]), `${name} of row ${index} in a batch is another`);
    }
  }
  for (const { key } of rows) {
    promise(
      await labelMaps.indexOf(key) === rows.findIndex((row) => row.key === key),
      `indexOf("${key}") is another row`,
    );
  }
}

function checkRow(row: LabelMapRow, metadata: LabelMapMetadata): void {
  const isInt32 = (value: unknown) => typeof value === "number" && (value | 0) === value;
  const ClassArray = classArray(metadata.classes);
  const isArray = (array: unknown, Type: typeof ClassArray | typeof Float32Array | typeof Uint8Array, length: number) =>
    array instanceof Type && array.length === length;
  const isClass = (value: number) => value < metadata.classes;
  const top = topLength(metadata);
  promise(typeof row.key === "string", `key is ${row.key}`);
  promise(row.label === null || isInt32(row.label), `label is ${row.label}`);
  promise(isInt32(row.width) && isInt32(row.height), `size is ${row.width} x ${row.height}`);
  promise(isArray(row.class, ClassArray, mapLength(metadata)), `class has ${row.class.length} values`);
  promise(
    isArray(row.score, SCORE_ARRAYS[metadata.dtype], mapLength(metadata)),
    `score has ${row.score.length} values`,
  );
  promise(isArray(row.topClass, ClassArray, row.topClass.length), `top classes are ${row.topClass.constructor.name}`);
  promise(isArray(row.topProbability, Float32Array, row.topClass.length), "top probabilities do not match top classes");
  promise(row.topClass.length <= top, `${row.topClass.length} top classes`);
  promise(row.class.every(isClass), "a class is not below the number of classes");
  promise(row.topClass.every(isClass), "a top class is not below the number of classes");
}

/** Small maps of every kind of column: name, metadata and rows. */
export function smallLabelMaps(): readonly { name: string; metadata: LabelMapMetadata; rows: LabelMapRow[] }[] {
  const kinds = [
    ["fp32", { dtype: "fp32" }],
    ["fp16", { dtype: "fp16", grid: [7, 7] }],
    ["fp8", { dtype: "fp8_e4m3" }],
    ["large classes", { dtype: "fp8_e5m2", classes: 70000 }],
    // Maps so large that each row is a row group of its own.
    ["row groups", { dtype: "fp8_e4m3", classes: 3, k: 1, grid: [340, 425] }],
  ] as const;
  return kinds.map(([name, changes]) => {
    const metadata = smallMetadata(changes);
    const count = name === "row groups" ? 3 : ROWS;
    return { name, metadata, rows: Array.from({ length: count }, (_, index) => smallRow(index, metadata)) };
  });
}

/** The bytes of a file of rows. */
export function labelMapFile(
  metadata: LabelMapMetadata,
  rows: readonly LabelMapRow[],
  container: Container,
): Uint8Array<ArrayBuffer> {
  const folder = Deno.makeTempDirSync();
  try {
    const path = join(folder, `a.${container}`);
    const writer = createLabelMapFile(path, metadata);
    for (const row of rows) writer.append(row);
    writer.finish();
    return Deno.readFileSync(path);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
