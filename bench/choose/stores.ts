/**
 * Ways to keep soft labels on disk: ours in each type and k, the published one file an image, and TinyViT's fixed records.
 *
 * @module
 */

import { join } from "@std/path";
import { publishedMapWriter, readPublished } from "../../formats/published/mod.ts";
import {
  createLabelMapFile,
  type LabelMapMetadata,
  type LabelMapRow,
  type LabelMapType,
  openLabelMaps,
  quantiseMap,
} from "../../formats/labels/mod.ts";
import { generator } from "../../tests/formats/labels/fixture.ts";
import type { DenseMaps } from "../dense_maps.ts";
import { type BestClasses, metadataOf, type RowHead } from "./sparse.ts";

/** A way to keep maps, with files of all of them. */
export interface Store {
  readonly name: string;
  /** On disk, the files' sizes divided by the maps. */
  readonly bytes: number;
  /** From logits and classes in memory to files. */
  encode(): Promise<void> | void;
  /** From files to arrays, in order. */
  decode(): Promise<void> | void;
  /** The same in random order, map by map; nothing is kept from one to the next that the reader would not keep. */
  readAtRandom(): Promise<void> | void;
  /** How many of the rows are read at random; all unless given. */
  readonly randomRows?: number;
  close(): void;
}

/**
 * Maps of a number of images: those there are, over and over, under keys of their own. What is timed has more of them than
 * what is weighed, since repeated maps compress too well.
 */
export interface Rows {
  readonly maps: DenseMaps;
  readonly best: BestClasses;
  readonly heads: readonly RowHead[];
  /** Rows to time. */
  readonly count: number;
}

/** Label maps as Parquet or Arrow. */
export async function labelMapStore(
  folder: string,
  { maps, best, heads, count }: Rows,
  { dtype, container }: { dtype: LabelMapType; container: "parquet" | "arrow" },
): Promise<Store> {
  const metadata = metadataOf(maps, best.k, dtype);
  const path = join(folder, `${dtype}-${best.k}.${container}`);
  const write = (file: string, rows: number): number => {
    const writer = createLabelMapFile(file, metadata);
    for (let row = 0; row < rows; row++) writer.append(rowOf({ maps, best, heads }, metadata, row));
    return writer.finish().bytes;
  };
  const bytes = write(path, maps.count) / maps.count;
  write(path, count);
  const order = randomOrder(count);
  // Little is kept, as of a data set much larger than memory.
  const reader = await openLabelMaps(path, { cacheBytes: 2 ** 18 });
  return {
    name: container === "parquet" ? dtype : `${dtype}, Arrow`,
    bytes,
    encode: () => void write(`${path}.again`.replace(/(\.\w+)\.again$/, "-again$1"), count),
    async decode() {
      let sum = 0;
      for await (const { score } of reader.rows()) sum += score[0];
      if (!Number.isFinite(sum)) throw new Error(`Cannot decode ${path}`);
    },
    async readAtRandom() {
      for (const row of order) await reader.get(row);
    },
    close: () => reader.close(),
  };
}

/** A row of a label-map file. */
export function rowOf(
  { maps, best, heads }: Omit<Rows, "count">,
  metadata: LabelMapMetadata,
  row: number,
): LabelMapRow {
  const map = row % maps.count;
  const length = best.k * maps.grid[0] * maps.grid[1];
  const classes = best.class.subarray(map * length, (map + 1) * length);
  const logits = best.logits.subarray(map * length, (map + 1) * length);
  const head = heads[map];
  return {
    ...head,
    key: row < maps.count ? head.key : `${row}/${head.key}`,
    class: classes,
    score: quantiseMap({ class: classes, logits }, metadata),
  };
}

/** naver-ai/relabel_imagenet: a PyTorch file an image, a float32 tensor `[2, k, H, W]`. */
export function publishedStore(folder: string, { maps, best, count }: Rows): Store {
  const length = best.k * maps.grid[0] * maps.grid[1];
  const path = join(folder, "published");
  Deno.mkdirSync(path);
  const file = (row: number) => join(path, `${row}.pt`);
  const write = publishedMapWriter({ k: best.k, grid: maps.grid, layout: "hw" });
  const encode = () => {
    for (let row = 0; row < count; row++) {
      const map = row % maps.count;
      Deno.writeFileSync(
        file(row),
        write({
          class: best.class.subarray(map * length, (map + 1) * length),
          score: best.logits.subarray(map * length, (map + 1) * length),
        }),
      );
    }
  };
  encode();
  const read = (row: number) => readPublished(file(row), Deno.readFileSync(file(row)));
  const order = randomOrder(count);
  return {
    name: "published .pt",
    bytes: Deno.statSync(file(0)).size,
    encode,
    decode() {
      for (let row = 0; row < count; row++) read(row);
    },
    readAtRandom() {
      for (const row of order) read(row);
    },
    close() {},
  };
}

/**
 * TinyViT: a record a view of an image, the seed of its augmentation (int32), k class indices (int16) and k probabilities
 * (float16); a global label of one crop, not a map.
 */
export function recordStore(folder: string, { maps, best, heads, count }: Rows, k: number): Store {
  const path = join(folder, "records.bin");
  const size = 4 + 4 * k;
  const encode = () => {
    const bytes = new DataView(new ArrayBuffer(count * size));
    for (let row = 0; row < count; row++) {
      const at = row * size;
      bytes.setInt32(at, row, true);
      for (let rank = 0; rank < k; rank++) {
        bytes.setInt16(at + 4 + 2 * rank, best.class[row % maps.count * best.k + rank], true);
        bytes.setFloat16(at + 4 + 2 * (k + rank), heads[row % maps.count].topProbability[rank % 5], true);
      }
    }
    Deno.writeFileSync(path, new Uint8Array(bytes.buffer));
  };
  encode();
  const file = Deno.openSync(path);
  const read = (row: number) => {
    const record = new DataView(new ArrayBuffer(size));
    file.seekSync(row * size, Deno.SeekMode.Start);
    file.readSync(new Uint8Array(record.buffer));
    return {
      seed: record.getInt32(0, true),
      class: Int16Array.from({ length: k }, (_, rank) => record.getInt16(4 + 2 * rank, true)),
      probability: Float32Array.from({ length: k }, (_, rank) => record.getFloat16(4 + 2 * (k + rank), true)),
    };
  };
  const order = randomOrder(count);
  return {
    name: "TinyViT record",
    bytes: size,
    encode,
    decode() {
      for (let row = 0; row < count; row++) read(row);
    },
    readAtRandom() {
      for (const row of order) read(row);
    },
    close: () => file.close(),
  };
}

/** Rows in an order from a fixed seed. */
export function randomOrder(count: number): number[] {
  const random = generator(7);
  const order = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [order[index], order[other]] = [order[other], order[index]];
  }
  return order;
}
